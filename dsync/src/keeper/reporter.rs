//! What a keeper makes known: to its handles, to the monitor, and to the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::services::Services;
use super::status::Status;
use crate::driver::{Holder, Key};
use crate::monitor::MonitorEvent;
use crate::tenure::{Finish, Settled};
use crate::{EndCause, Error, FencingToken, Term};

/// Reports what happens to one lease.
pub(super) struct Reporter {
    key: Key,
    services: Arc<Services>,
    status: watch::Sender<Status>,
    /// The token of the last term.
    token: FencingToken,
}

impl Reporter {
    pub(super) fn new(key: Key, services: Arc<Services>, status: watch::Sender<Status>) -> Self {
        Self { key, services, status, token: FencingToken::ZERO }
    }

    pub(super) fn elected(&mut self, term: Term, holder: &Holder) {
        let (key, token) = (&self.key, term.fencing_token());
        tracing::info!(target: "dsync", %key, %token, %holder, "term began");
        self.token = token;
        self.status.send_modify(|status| {
            status.term = Some(term);
            status.overrun = None;
        });
        self.services.report(|| MonitorEvent::Elected { key: key.clone(), token });
    }

    pub(super) fn renewed(&self, headroom: Duration) {
        let (key, token) = (&self.key, self.token);
        self.services.report(|| MonitorEvent::Renewed { key: key.clone(), token, headroom });
    }

    pub(super) fn cancelled(&self, cause: EndCause) {
        let (key, token) = (&self.key, self.token);
        self.status.send_modify(|status| status.term = None);
        tracing::info!(target: "dsync", %key, %token, ?cause, "term ended");
        self.services.report(|| MonitorEvent::Cancelled { key: key.clone(), token, cause });
    }

    pub(super) fn panicked(&self) {
        tracing::error!(
            target: "dsync", key = %self.key, token = %self.token,
            "a body panicked, so its term ends"
        );
    }

    pub(super) fn overran(&self) {
        let (key, token) = (&self.key, self.token);
        tracing::error!(
            target: "dsync", %key, %token,
            "a body did not stop by the hard deadline; the lease is not released"
        );
        self.services.report(|| MonitorEvent::Overrun { key: key.clone(), token });
        self.status.send_modify(|status| status.overrun = Some(token));
    }

    pub(super) fn settled(&self, settled: Settled) {
        let (key, token) = (&self.key, self.token);
        tracing::debug!(target: "dsync", %key, %token, ?settled, "term settled");
        let released = matches!(settled, Settled::Released);
        self.services.report(|| MonitorEvent::Settled { key: key.clone(), token, released });
        self.status.send_modify(|status| {
            status.settled = Some((token, settled));
            status.overrun = None;
        });
    }

    pub(super) fn leader(&self, leader: Option<Arc<str>>) {
        tracing::debug!(target: "dsync", key = %self.key, ?leader, "leader changed");
        self.status.send_modify(|status| status.leader = leader);
    }

    pub(super) fn trouble(&self, error: Option<Error>) {
        let key = &self.key;
        if let Some(error) = &error {
            tracing::warn!(target: "dsync", %key, %error, "requests fail");
        } else {
            tracing::info!(target: "dsync", %key, "requests succeed again");
        }
        self.services.report(|| MonitorEvent::Trouble { key: key.clone(), error: error.clone() });
        self.status.send_modify(|status| status.trouble = error);
    }

    pub(super) fn token_went_back(&self, granted: FencingToken, seen: FencingToken) {
        let key = &self.key;
        tracing::error!(
            target: "dsync", %key, %granted, %seen,
            "the store granted a token that is not higher than one seen before"
        );
        self.services.report(|| MonitorEvent::TokenWentBack { key: key.clone(), granted, seen });
    }

    pub(super) fn finished(&self, finish: Finish) {
        if let Finish::Failed(error) = &finish {
            tracing::error!(target: "dsync", key = %self.key, %error, "the campaign ended");
        }
        self.status.send_modify(|status| status.finish = Some(finish));
    }

    /// The keeper is dropped: no term is left, and unless the tenure had ended, this is why.
    pub(super) fn dropped(&self, why: Error) {
        self.status.send_modify(|status| {
            status.term = None;
            status.finish.get_or_insert(Finish::Failed(why));
        });
    }
}
