//! A future of a term: every poll looks at the clock first.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Term;
use crate::env::Instant;

/// How a body ends when its term is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Dropped at once.
    UntilCancelled,
    /// Has until the hard deadline, or the drain timeout, to end by itself. Polled by a task of
    /// the user's.
    UntilDeadline,
    /// Likewise, in a task of dsync's.
    Owned,
}

/// What the keeper knows of a body.
#[derive(Debug)]
pub(crate) struct Body {
    care: Care,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
struct State {
    /// Never to be polled again, since then.
    closed: Option<Instant>,
    /// A poll, or the drop of the future, is in progress on some thread.
    busy: bool,
    /// The future is gone.
    ended: bool,
    panicked: bool,
    overran: bool,
    waker: Option<Waker>,
}

/// How a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Running,
    Stopped,
    /// It counts as stopped from then on, even if nobody drops it.
    StoppedAt(Instant),
}

impl Body {
    pub(super) fn new(care: Care, closed: Option<Instant>) -> Self {
        Self { care, state: Mutex::new(State { closed, ..State::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn care(&self) -> Care {
        self.care
    }

    pub(super) fn close(&self, now: Instant) {
        let waker = {
            let mut state = self.lock();
            state.closed.get_or_insert(now);
            state.waker.take()
        };
        // So that its task drops it.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether it has stopped. A body that is closed and not being polled counts as stopped at
    /// the hard deadline, since it is never polled again; one that is polled by a task of the
    /// user's counts earlier, since that task may be the one that waits for us. Closed late, as
    /// after a suspension, it still has a moment in which its task can drop it.
    pub(super) fn standing(&self, hard: Instant, grace: Duration, slack: Duration) -> Standing {
        let state = self.lock();
        match state.closed {
            _ if state.ended => Standing::Stopped,
            Some(closed) if !state.busy => match self.care {
                // Its task has been woken, and drops it.
                Care::Owned => Standing::StoppedAt(hard.max(closed) + slack),
                Care::UntilCancelled | Care::UntilDeadline => {
                    Standing::StoppedAt((closed + grace).min(hard.max(closed + slack)))
                }
            },
            _ => Standing::Running,
        }
    }

    pub(super) fn panicked(&self) -> bool {
        self.lock().panicked
    }

    pub(super) fn overran(&self) -> bool {
        self.lock().overran
    }
}

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
    term: Term,
    body: Arc<Body>,
}

impl<F: Future> Guarded<F> {
    pub(crate) fn new(term: &Term, care: Care, future: F) -> Self {
        let body = term.0.bodies.register(care, term);
        Self { future: Some(Box::pin(future)), term: term.clone(), body }
    }
}

impl<F> Guarded<F> {
    /// Drops the future, if it is still there, and says so.
    fn end(&mut self) {
        if let Some(future) = self.future.take() {
            self.body.lock().busy = true;
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
            let mut state = self.body.lock();
            state.busy = false;
            state.panicked |= dropped.is_err();
        }
        self.body.lock().ended = true;
        self.term.0.bodies.notify();
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let env = Arc::clone(&this.term.0.env);
        let Some(future) = this.future.as_mut() else { return Poll::Ready(None) };
        let now = env.now();
        let hard = this.term.0.clock.hard_deadline();
        let active = this.term.0.clock.is_active(now);
        let open = {
            let mut state = this.body.lock();
            let cancelled = this.body.care == Care::UntilCancelled && !active;
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
            let _inside = Inside::enter(this.term.0.keeper);
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)))
        };
        let late = env.now() >= this.term.0.clock.hard_deadline();
        let close = {
            let mut state = this.body.lock();
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
                if this.body.care == Care::Owned {
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
