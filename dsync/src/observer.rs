//! Following an election without competing in it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::sync::watch;

use crate::Error;
use crate::env::BoxFuture;
use crate::keeper::{Handle, Status};
use crate::tenure::Finish;

/// The state of an election, as far as it is known.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observed {
    /// The name of the leader, if known.
    pub leader: Option<Arc<str>>,
    /// The error of the requests that fail at the moment.
    pub trouble: Option<Error>,
    /// Whether the campaign has ended. Then this is the last state.
    pub ended: bool,
}

impl Observed {
    fn of(status: &Status) -> Self {
        let failed = match &status.finish {
            Some(Finish::Failed(error)) => Some(error),
            _ => None,
        };
        Self {
            leader: status.leader.clone(),
            trouble: failed.or(status.trouble.as_ref()).cloned(),
            ended: status.finish.is_some(),
        }
    }

    fn differs(&self, other: &Self) -> bool {
        let kind = |observed: &Self| observed.trouble.as_ref().map(|e| (e.kind(), e.verb()));
        self.leader != other.leader || self.ended != other.ended || kind(self) != kind(other)
    }
}

/// Follows an election: who leads, and which requests fail.
///
/// It is also a [`Stream`], which begins with the current state and ends with the campaign. It may
/// skip states that did not last, but never the last one.
pub struct Observer {
    status: Option<watch::Receiver<Status>>,
    waiting: Option<BoxFuture<watch::Receiver<Status>>>,
    shown: Option<Observed>,
    /// Ends the keeper that only this observer uses.
    handle: Option<Handle>,
}

impl Observer {
    pub(crate) fn of(handle: &Handle) -> Self {
        let status = Some(handle.status.clone());
        Self { status, waiting: None, shown: None, handle: None }
    }

    pub(crate) fn alone(handle: Handle) -> Self {
        let mut observer = Self::of(&handle);
        observer.handle = Some(handle);
        observer
    }

    /// Waits for a state that differs from the one returned before. The first call returns the
    /// current state. Returns `None` once the campaign has ended and its last state has been
    /// returned.
    ///
    /// # Errors
    ///
    /// None. Failing requests are in [`Observed::trouble`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no state is lost.
    pub async fn next(&mut self) -> Option<Observed> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Observer {
    type Item = Observed;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                let status = ready!(waiting.as_mut().poll(cx));
                self.waiting = None;
                self.status = Some(status);
            }
            let Some(mut status) = self.status.take() else { return Poll::Ready(None) };
            let observed = Observed::of(&status.borrow_and_update());
            let over = observed.ended;
            let news = self.shown.as_ref().is_none_or(|shown| shown.differs(&observed));
            if over {
                // This is the last state: there is nothing left to wait for.
                return Poll::Ready(news.then_some(observed));
            }
            if news {
                self.shown = Some(observed.clone());
                self.status = Some(status);
                return Poll::Ready(Some(observed));
            }
            self.waiting = Some(Box::pin(async move {
                // A keeper that ended has said so in its last status.
                let _ = status.changed().await;
                status
            }));
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.leave();
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("shown", &self.shown).finish_non_exhaustive()
    }
}
