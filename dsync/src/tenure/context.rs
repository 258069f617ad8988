//! What all phases of a tenure share: the plan, the time of this step, and what is known of the
//! record.

use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Attempt, Attempts};
use super::event::{Action, Request};
use super::plan::Plan;
use super::troubles::Troubles;
use super::view::{Sighting, View};
use crate::driver::{Claim, Expiry, Holder, Lease, Nonce, Verb};
use crate::env::Instant;
use crate::{Error, FencingToken};

/// What an earlier tenure of the same key knew, and the next one needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) sighting: Option<Sighting>,
    pub(crate) attempts: Attempts,
    pub(crate) token_floor: FencingToken,
}

/// The one call in flight.
#[derive(Debug)]
pub(super) enum Flight {
    Read,
    /// With the highest token that was seen before it was sent.
    Acquire(Attempt, FencingToken),
    Renew {
        sent: Instant,
    },
    Release,
}

/// What all phases share. The phases change it, and nothing else does.
pub(super) struct Context {
    pub(super) plan: Plan,
    /// The time of the present step.
    pub(super) now: Instant,
    pub(super) flight: Option<Flight>,
    /// The record, as far as it is known.
    pub(super) view: View,
    /// The last sighting before the view became unknown.
    earlier: Option<Sighting>,
    /// The attempts that may still be found in the record.
    pub(super) attempts: Attempts,
    pub(super) troubles: Troubles,
    /// The highest token seen of this key.
    token_floor: FencingToken,
    /// The campaign was stopped: no further term.
    pub(super) stopping: bool,
    /// The leader that was reported last.
    leader: Option<Arc<str>>,
    /// The actions of the present step.
    actions: Vec<Action>,
    random: Box<dyn FnMut() -> u64 + Send>,
}

impl Context {
    pub(super) fn new(
        plan: Plan,
        memory: Memory,
        random: impl FnMut() -> u64 + Send + 'static,
    ) -> Self {
        Self {
            plan,
            now: Instant::EPOCH,
            flight: None,
            view: View::Unknown,
            earlier: memory.sighting,
            attempts: memory.attempts,
            troubles: Troubles::default(),
            token_floor: memory.token_floor,
            stopping: false,
            leader: None,
            actions: Vec::new(),
            random: Box::new(random),
        }
    }

    /// Returns what the next tenure of the same key needs to know. Attempts without an answer are
    /// the important part: a tenure that forgot them would treat their record as that of a rival.
    pub(super) fn into_memory(self) -> Memory {
        Memory {
            sighting: self.view.sighting().or(self.earlier),
            attempts: self.attempts,
            token_floor: self.token_floor,
        }
    }

    /// Appends an action to those of this step.
    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Takes note of whether a verb worked.
    pub(super) fn note(&mut self, verb: Verb, error: Option<&Error>) {
        match error {
            None => self.troubles.worked(verb),
            Some(error) => self.troubles.failed(verb, error, self.now),
        }
    }

    /// Returns the actions of this step, in the order in which they were appended.
    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Updates the view, and the leader that follows from it, with a record that was read,
    /// returned by a write, or shown by the watch.
    pub(super) fn see(&mut self, lease: Option<Lease>) {
        self.learn(lease);
        self.report_leader();
    }

    /// Updates the view with the record of a lease that this candidate now leads by.
    pub(super) fn see_own(&mut self, lease: Lease) {
        let leader = lease.holder.as_ref().map(|holder| Arc::from(holder.instance()));
        self.learn(Some(lease));
        self.set_leader(leader);
    }

    /// Updates the view.
    ///
    /// 1. Every record raises the token floor, even that of a rival. A store that restarts without
    ///    its counter gets the floor with the next claim, and grants a token above it.
    /// 2. The kept sighting is used once: a record with another pulse shows that the holder of that
    ///    sighting has moved.
    fn learn(&mut self, lease: Option<Lease>) {
        if let Some(lease) = &lease {
            self.token_floor = self.token_floor.max(lease.fencing_token);
        }
        let before = std::mem::take(&mut self.view);
        self.view = before.after(
            lease,
            self.now,
            self.plan.expiry,
            self.plan.lease_duration,
            self.plan.release_keeps_record,
            self.earlier.as_ref(),
        );
        self.earlier = None;
    }

    /// Discards the view, but keeps since when its holder has not moved: the next look at the
    /// same pulse counts from there.
    pub(super) fn forget_view(&mut self) {
        // In this order: the view is where the sighting comes from.
        self.keep_sighting();
        self.view = View::Unknown;
    }

    /// Keeps since when the holder in the view has not moved, in case the view is discarded.
    pub(super) fn keep_sighting(&mut self) {
        self.earlier = self.view.sighting().or(self.earlier.take());
    }

    /// Reports the leader that the view shows, if it is another than before.
    pub(super) fn report_leader(&mut self) {
        // A record that has expired shows no leader on a store without an expiry of its own. On the
        // others a record that is there is alive, even if its time by this clock is over.
        let leader = match &self.view {
            View::Held { lease, expires_at, .. }
                if self.plan.expiry == Expiry::Backend || self.now < *expires_at =>
            {
                // A record of an earlier attempt of this candidate has no term, so it shows
                // no leader.
                let left_over = self.attempts.find(lease).is_some();
                lease.holder.as_ref().filter(|_| !left_over).map(|h| Arc::from(h.instance()))
            }
            _ => None,
        };
        self.set_leader(leader);
    }

    /// Reports `leader` if it is another than the last one.
    pub(super) fn set_leader(&mut self, leader: Option<Arc<str>>) {
        if leader != self.leader {
            self.leader = leader;
            self.act(Action::Leader(self.leader.clone()));
        }
    }

    /// Makes a claim with a holder of its own, conditioned on the last known version.
    pub(super) fn claim(&mut self) -> (Flight, Request) {
        // A fresh nonce for every attempt. With a shared one, a record could not be traced to the
        // attempt that wrote it, and its term would count from the wrong `sent`.
        let holder = Holder::new(&self.plan.instance, Nonce::new((self.random)()));
        // A `Backend` store decides the expiry itself, so a record with a holder is never taken
        // over.
        let seen = match &self.view {
            View::Held { .. } if self.plan.expiry == Expiry::Backend => None,
            view => view.lease().map(|lease| lease.version.clone()),
        };
        let claim = Claim::new(holder.clone(), self.plan.lease_duration)
            .with_take_over(seen.clone())
            .with_token_floor(self.token_floor);
        // Only an `Observer` store checks the version. An attempt on a `Backend` store may succeed
        // at any later version, so no version proves that it failed.
        let conditioned_on = match self.plan.expiry {
            Expiry::Observer => seen,
            Expiry::Backend => None,
        };
        // `sent` is the time of this step, just before the request goes out. A later instant would
        // let the term outlive the lease.
        let duration = self.plan.lease_duration;
        let attempt = Attempt { holder, sent: self.now, duration, conditioned_on, spent: false };
        (Flight::Acquire(attempt, self.token_floor), Request::Acquire(claim))
    }

    /// The retry period, shortened by up to a quarter so that candidates do not move in step.
    pub(super) fn retry(&mut self) -> Duration {
        let retry = self.plan.retry_period;
        retry.saturating_sub(self.random_below(retry / 4))
    }

    /// The pause before a renewal: the renew period, shortened by up to a tenth.
    pub(super) fn renew_pause(&mut self) -> Duration {
        let jitter = self.random_below(self.plan.renew_period / 10);
        self.plan.renew_period.saturating_sub(jitter)
    }

    /// How long to wait after `error`: the retry period, or as long as the store asked for.
    pub(super) fn retry_after(&mut self, error: &Error) -> Duration {
        self.retry().max(error.retry_after().unwrap_or_default())
    }

    /// Returns a random duration below `limit`, or zero if the limit is zero.
    pub(super) fn random_below(&mut self, limit: Duration) -> Duration {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        if nanos == 0 {
            return Duration::ZERO;
        }
        Duration::from_nanos((self.random)() % nanos)
    }
}
