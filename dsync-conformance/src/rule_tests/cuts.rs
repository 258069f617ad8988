//! Futures that are dropped half-way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The last poll at which a call is cut. A call that takes more polls is left to finish.
pub(crate) const MOST_POLLS: usize = 64;

/// Polls a future a number of times, then drops it, if it is not done by then.
pub(crate) struct Cut<F> {
    future: Pin<Box<F>>,
    left: usize,
}

impl<F: Future> Cut<F> {
    /// `None` from its `polls`-th poll on, if the future is not done by then.
    pub(crate) fn after(polls: usize, future: F) -> Self {
        Self { future: Box::pin(future), left: polls }
    }
}

impl<F: Future> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
