//! A future that runs as a body of a term: every poll checks the clock first.

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

/// Returns whether the caller is being polled inside a body of this keeper.
pub(crate) fn is_inside(keeper: u64) -> bool {
    INSIDE.with_borrow(|inside| inside.contains(&keeper))
}

/// Marks this thread as polling a body, until it is dropped. Also if the poll panics.
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

/// Runs a future as a body of a term. Its output is `None` if the future was dropped because the
/// term ended.
pub(crate) struct Guarded<F> {
    /// `None` once it was dropped. Boxed, so that it can be dropped at any time and not only with
    /// this value, which the user may keep.
    future: Option<Pin<Box<F>>>,
    term: Arc<TermState>,
    body: Arc<Body>,
}

impl<F: Future> Guarded<F> {
    pub(crate) fn new(term: &Arc<TermState>, policy: DropPolicy, future: F) -> Self {
        // Registered at the creation and not at the first poll: the keeper may look for bodies
        // before the task is scheduled.
        let body = term.bodies.register(policy, !term.is_active(), term.env.now());
        Self { future: Some(Box::pin(future)), term: Arc::clone(term), body }
    }
}

impl<F> Guarded<F> {
    /// Drops the future, if it is not dropped yet, and notifies the keeper.
    ///
    /// The body is busy during the drop: a destructor may block, and the lease must not be released
    /// while it runs.
    fn end(&mut self) {
        if let Some(future) = self.future.take() {
            self.body.state().busy = true;
            // A panic in a destructor must not leave the body busy for ever, which would overrun.
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
            let mut state = self.body.state();
            state.busy = false;
            state.panicked |= dropped.is_err();
        }
        // First the state, then the notification: the keeper that wakes up must find it ended.
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
        // 1. Check the clock, then claim the right to poll (`busy`) under the lock of the body. The
        //    keeper closes bodies under the same lock: it either closes first, and this poll does
        //    not happen, or finds the body busy, and waits. Checked without the lock, the keeper
        //    could close an idle body and release just as this poll begins.
        let now = env.now();
        let hard = this.term.clock.hard_deadline();
        // One reading of the clock decides both questions, so that they cannot contradict each
        // other.
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
        // 2. Poll. A `stop()` inside the future recognizes its own keeper by `Inside`.
        let polled = {
            let _inside = Inside::enter(this.term.keeper);
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)))
        };
        // 3. Check the clock again: a poll that returns after the hard deadline has overrun, even
        //    if it was started in time.
        let late = env.now() >= this.term.clock.hard_deadline();
        // 4. Give the right to poll back, unless the body was closed in the meantime. The waker is
        //    stored in the same step, so that a later close wakes the task.
        let close = {
            let mut state = this.body.state();
            state.overran |= late;
            state.panicked |= polled.is_err();
            // Closed while it was polled: it is dropped here, since it must not be polled again.
            let pending = matches!(polled, Ok(Poll::Pending));
            if pending && state.closed.is_none() && !late {
                state.busy = false;
                state.waker = Some(cx.waker().clone());
                false
            } else {
                true
            }
        };
        // 5. A future that is complete, closed or panicked is dropped now, on this thread.
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
                // In a task of the user, the panic continues there, as if there were no guard.
                if this.body.policy() == DropPolicy::OwnTask {
                    // No handle joins a task of dsync. The keeper learns of the panic from the
                    // body, and the panic message was printed where it happened.
                    return Poll::Ready(None);
                }
                resume_unwind(panic)
            }
        }
    }
}

impl<F> Drop for Guarded<F> {
    /// A body whose task drops it, as in `select!` or with an aborted task, has stopped.
    fn drop(&mut self) {
        if self.future.is_some() {
            self.end();
        }
    }
}
