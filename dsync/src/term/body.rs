//! One body of a term, as the keeper knows it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::env::Instant;

/// How a body ends when its term is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropPolicy {
    /// Dropped at once.
    OnCancel,
    /// Has until the hard deadline, or the drain timeout, to end by itself. Polled by a task of
    /// the user's.
    AtDeadline,
    /// Likewise, in a task of dsync's.
    OwnTask,
}

/// What the keeper knows of a body.
#[derive(Debug)]
pub(crate) struct Body {
    policy: DropPolicy,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub(super) struct State {
    /// Never to be polled again, since then.
    pub(super) closed: Option<Instant>,
    /// A poll, or the drop of the future, is in progress on some thread.
    pub(super) busy: bool,
    /// The future is gone.
    pub(super) ended: bool,
    pub(super) panicked: bool,
    pub(super) overran: bool,
    pub(super) waker: Option<Waker>,
}

/// How a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyStatus {
    Running,
    Stopped,
    /// It counts as stopped from then on, even if nobody drops it.
    StoppedAt(Instant),
}

impl Body {
    pub(super) fn new(policy: DropPolicy, closed: Option<Instant>) -> Self {
        Self { policy, state: Mutex::new(State { closed, ..State::default() }) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn policy(&self) -> DropPolicy {
        self.policy
    }

    pub(super) fn close(&self, now: Instant) {
        let waker = {
            let mut state = self.state();
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
    pub(super) fn status(&self, hard: Instant, grace: Duration, slack: Duration) -> BodyStatus {
        let state = self.state();
        match state.closed {
            _ if state.ended => BodyStatus::Stopped,
            Some(closed) if !state.busy => match self.policy {
                // Its task has been woken, and drops it.
                DropPolicy::OwnTask => BodyStatus::StoppedAt(hard.max(closed) + slack),
                DropPolicy::OnCancel | DropPolicy::AtDeadline => {
                    BodyStatus::StoppedAt((closed + grace).min(hard.max(closed + slack)))
                }
            },
            _ => BodyStatus::Running,
        }
    }

    pub(super) fn panicked(&self) -> bool {
        self.state().panicked
    }

    pub(super) fn overran(&self) -> bool {
        self.state().overran
    }
}
