//! A future of a term: every poll looks at the clock first.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::body::{Body, DropPolicy};
use super::state::TermState;

thread_local! {
    /// The keepers of the bodies that are being polled on this thread, the innermost last.
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Whether the caller is being polled within a body of this keeper.
pub(crate) fn is_inside(keeper: u64) -> bool {
    INSIDE.with_borrow(|inside| inside.contains(&keeper))
}

struct Inside;

impl Inside {
    fn enter(keeper: u64) -> Self {
        INSIDE.with_borrow_mut(|inside| inside.push(keeper));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(std::vec::Vec::pop);
    }
}

/// Runs a future as a body of a term. `None`: it was dropped, since the term is over.
pub(crate) struct Guarded<F> {
    future: Option<Pin<Box<F>>>,
    term: Arc<TermState>,
    body: Arc<Body>,
}

impl<F: Future> Guarded<F> {
    pub(crate) fn new(term: &Arc<TermState>, policy: DropPolicy, future: F) -> Self {
        let body = term.bodies.register(policy, !term.is_active(), term.env.now());
        Self { future: Some(Box::pin(future)), term: Arc::clone(term), body }
    }
}

impl<F> Guarded<F> {
    /// Drops the future, if it is still there, and says so.
    fn end(&mut self) {
        if let Some(future) = self.future.take() {
            self.body.state().busy = true;
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
            let mut state = self.body.state();
            state.busy = false;
            state.panicked |= dropped.is_err();
        }
        self.body.state().ended = true;
        self.term.bodies.notify();
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let env = Arc::clone(&this.term.env);
        let Some(future) = this.future.as_mut() else { return Poll::Ready(None) };
        let now = env.now();
        let hard = this.term.clock.hard_deadline();
        let active = this.term.clock.is_active(now);
        let open = {
            let mut state = this.body.state();
            let cancelled = this.body.policy() == DropPolicy::OnCancel && !active;
            if now >= hard || cancelled {
                state.closed.get_or_insert(now);
            }
            let open = state.closed.is_none();
            state.busy = open;
            open
        };
        if !open {
            this.end();
            return Poll::Ready(None);
        }
        let polled = {
            let _inside = Inside::enter(this.term.keeper);
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)))
        };
        let late = env.now() >= this.term.clock.hard_deadline();
        let close = {
            let mut state = this.body.state();
            state.overran |= late;
            state.panicked |= polled.is_err();
            let pending = matches!(polled, Ok(Poll::Pending));
            if pending && state.closed.is_none() && !late {
                state.busy = false;
                state.waker = Some(cx.waker().clone());
                false
            } else {
                true
            }
        };
        match polled {
            Ok(Poll::Pending) if !close => Poll::Pending,
            Ok(Poll::Pending) => {
                this.end();
                Poll::Ready(None)
            }
            Ok(Poll::Ready(output)) => {
                this.end();
                Poll::Ready(Some(output))
            }
            Err(panic) => {
                this.end();
                if this.body.policy() == DropPolicy::OwnTask {
                    // Nobody joins our own task; the keeper is told by the body.
                    return Poll::Ready(None);
                }
                resume_unwind(panic)
            }
        }
    }
}

impl<F> Drop for Guarded<F> {
    fn drop(&mut self) {
        if self.future.is_some() {
            self.end();
        }
    }
}
