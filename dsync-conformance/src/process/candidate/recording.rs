//! A driver that says what passes.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Holder, Key, Lease, Observation, Released, Renewed,
    Watch,
};
use dsync::{Result, async_trait};
use futures_core::Stream;

use super::message::CandidateEvent;
use super::observer::Observer;
use crate::history::unsettled::{Attempt, Unsettled};
use crate::history::{Outcome, Verb};

pub(super) struct Recording {
    inner: Arc<dyn Driver>,
    open: Arc<Open>,
}

impl Recording {
    pub(super) fn new(inner: Arc<dyn Driver>, observer: &Arc<Observer>) -> Self {
        let open = Open { observer: Arc::clone(observer), unsettled: Unsettled::default() };
        Self { inner, open: Arc::new(open) }
    }

    fn called(&self, verb: Verb, holder: Option<&Holder>) -> Call<'_> {
        let reporter = &self.open.observer.reporter;
        let (call, holder) = (reporter.name(), holder.map(Holder::to_string));
        let sent = reporter.report(CandidateEvent::Called { call, verb, holder: holder.clone() });
        Call { open: &self.open, name: call, verb, holder, sent }
    }
}

/// A call that was not answered yet.
struct Call<'a> {
    open: &'a Open,
    name: u64,
    verb: Verb,
    holder: Option<String>,
    sent: Duration,
}

impl Call<'_> {
    fn answered(self, outcome: Outcome, token: Option<u64>) {
        let Self { name: call, verb, holder, sent, .. } = self;
        self.open.observer.reporter.report(CandidateEvent::Answered {
            call,
            verb,
            holder,
            sent,
            outcome,
            token,
        });
    }
}

/// Acquires that may have been applied.
struct Open {
    observer: Arc<Observer>,
    unsettled: Unsettled,
}

impl Open {
    /// The store shows a record, which may be that of an attempt.
    fn seen(&self, record: Option<&Lease>) {
        if let Some(Attempt { call, holder, sent }) = self.unsettled.seen(record) {
            let token = record.map_or(0, |lease| lease.fencing_token.get());
            let holder = holder.to_string();
            self.observer.reporter.report(CandidateEvent::Settled { call, holder, sent, token });
        }
    }
}

fn failed(error: &dsync::Error) -> Outcome {
    if error.is_ambiguous() { Outcome::Ambiguous } else { Outcome::Refused }
}

#[async_trait]
impl Driver for Recording {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        let call = self.called(Verb::Read, None);
        let result = self.inner.read(key).await;
        match &result {
            Ok(record) => {
                self.open.seen(record.as_ref());
                let token = record.as_ref().map(|lease| lease.fencing_token.get());
                call.answered(Outcome::Read, token);
            }
            Err(error) => call.answered(failed(error), None),
        }
        result
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        let call = self.called(Verb::Acquire, Some(&claim.holder));
        let attempt = Attempt { call: call.name, holder: claim.holder.clone(), sent: call.sent };
        self.open.unsettled.sent(attempt);
        let result = self.inner.acquire(key, claim).await;
        // If this is dropped or stays unknown, the attempt stays open.
        if !matches!(&result, Err(error) if error.is_ambiguous()) {
            self.open.unsettled.known(&claim.holder);
        }
        match &result {
            Ok(Acquired::Won(lease)) => {
                let token = lease.fencing_token.get();
                call.answered(Outcome::Won(token), Some(token));
            }
            Ok(Acquired::Held(record)) => {
                self.open.seen(record.as_ref());
                call.answered(Outcome::Held, None);
            }
            Err(error) => call.answered(failed(error), None),
        }
        result
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let call = self.called(Verb::Renew, lease.holder.as_ref());
        let result = self.inner.renew(key, lease).await;
        match &result {
            Ok(Renewed::Kept(lease)) => {
                call.answered(Outcome::Kept, Some(lease.fencing_token.get()));
            }
            Ok(Renewed::Lost(_)) => call.answered(Outcome::Lost, None),
            Ok(Renewed::Conflict) => call.answered(Outcome::Conflict, None),
            Err(error) => call.answered(failed(error), None),
        }
        result
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        self.open.observer.releasing(lease.fencing_token.get());
        let call = self.called(Verb::Release, lease.holder.as_ref());
        let result = self.inner.release(key, lease).await;
        call.answered(
            match &result {
                Ok(Released::Freed) => Outcome::Released,
                Ok(Released::NotHeld) => Outcome::NotHeld,
                Ok(Released::Conflict) => Outcome::Conflict,
                Err(error) => failed(error),
            },
            None,
        );
        result
    }

    fn watch(&self, key: &Key) -> Watch {
        Box::pin(Watched { inner: self.inner.watch(key), open: Arc::clone(&self.open) })
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recording").field(&self.inner).finish()
    }
}

/// A watch may show an attempt first.
struct Watched {
    inner: Watch,
    open: Arc<Open>,
}

impl Stream for Watched {
    type Item = Result<Observation>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.inner.as_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(Observation::Record(record)))) = &item {
            self.open.seen(record.as_ref());
        }
        item
    }
}
