//! Following an election.

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

/// What is known of an election.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Observed {
    /// Who leads, as far as is known here.
    pub leader: Option<Arc<str>>,
    /// What does not work at the moment.
    pub trouble: Option<Error>,
    /// The campaign is over: nothing more will come.
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

/// Follows who leads an election, and what does not work. Also a [`Stream`], which begins with
/// what is known now and ends with the campaign.
///
/// Changes that did not last may be skipped; the last state is never missed.
pub struct Observer {
    status: Option<watch::Receiver<Status>>,
    waiting: Option<BoxFuture<watch::Receiver<Status>>>,
    shown: Option<Observed>,
    /// Ends the keeper of an observer of its own.
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

    /// The next state that differs from what was returned before; at first what is known now.
    /// `None`: the campaign is over, and its last state has been returned.
    ///
    /// # Errors
    ///
    /// None; trouble is in what it returns.
    ///
    /// # Cancel safety
    ///
    /// Safe; nothing is lost.
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
                // The last one: nothing is left to wait for.
                return Poll::Ready(news.then_some(observed));
            }
            if news {
                self.shown = Some(observed.clone());
                self.status = Some(status);
                return Poll::Ready(Some(observed));
            }
            self.waiting = Some(Box::pin(async move {
                // A keeper that is gone has said so in its last status.
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
