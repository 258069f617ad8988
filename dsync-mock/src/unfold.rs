//! A stream from a function that gives the next item and itself again.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

type Step<T, S> = Pin<Box<dyn Future<Output = Option<(T, S)>> + Send>>;

pub(crate) struct Unfold<T, S, F> {
    next: F,
    step: Option<Step<T, S>>,
}

impl<T, S, F, Fut> Unfold<T, S, F>
where
    F: FnMut(S) -> Fut,
    Fut: Future<Output = Option<(T, S)>> + Send + 'static,
{
    pub(crate) fn new(state: S, mut next: F) -> Self {
        let step: Step<T, S> = Box::pin(next(state));
        Self { next, step: Some(step) }
    }
}

impl<T, S, F, Fut> Stream for Unfold<T, S, F>
where
    F: FnMut(S) -> Fut + Unpin,
    Fut: Future<Output = Option<(T, S)>> + Send + 'static,
{
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(step) = self.step.as_mut() else { return Poll::Ready(None) };
        let out = ready!(step.as_mut().poll(context));
        self.step = None;
        Poll::Ready(out.map(|(item, state)| {
            self.step = Some(Box::pin((self.next)(state)));
            item
        }))
    }
}
