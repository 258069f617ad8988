use std::task::{Context, Poll, Waker};

use crate::driver::Observation;
use crate::{Error, Result};

/// What one watch has not received yet. Only the latest record is kept.
#[derive(Default)]
pub(super) struct Mailbox {
    alive: bool,
    record: Option<Observation>,
    end: Option<Error>,
    waker: Option<Waker>,
}

impl Mailbox {
    pub(super) fn set_alive(&mut self) {
        self.alive = true;
        self.wake();
    }

    pub(super) fn set_record(&mut self, record: Observation) {
        self.record = Some(record);
        self.wake();
    }

    pub(super) fn set_end(&mut self, error: Error) {
        self.end = Some(error);
        self.wake();
    }

    /// Yields the sign of life first, then the latest record, then the end: nothing that arrived
    /// before a failure is lost to it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Observation>> {
        if std::mem::take(&mut self.alive) {
            return Poll::Ready(Ok(Observation::Heartbeat));
        }
        if let Some(next) = self.record.take().map(Ok).or_else(|| self.end.take().map(Err)) {
            return Poll::Ready(next);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
