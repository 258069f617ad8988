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
    /// Dropped at the hard deadline, or after the drain timeout. A task of the user polls it.
    AtDeadline,
    /// The same, but a task of dsync polls it.
    OwnTask,
}

/// One body of a term. The task that polls it and the keeper share it.
#[derive(Debug)]
pub(crate) struct Body {
    policy: DropPolicy,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub(super) struct State {
    /// Since when it must not be polled again.
    pub(super) closed: Option<Instant>,
    /// A poll, or the drop of the future, is in progress on some thread.
    pub(super) busy: bool,
    /// The future was dropped.
    pub(super) ended: bool,
    pub(super) panicked: bool,
    pub(super) overran: bool,
    pub(super) waker: Option<Waker>,
}

/// Whether a body has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyStatus {
    Running,
    Stopped,
    /// It counts as stopped from then on, even if its task does not drop it.
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
        // Its task is woken after the lock is released, since it takes the lock to drop the body.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns whether the body has stopped.
    ///
    /// 1. A body whose future was dropped has stopped.
    /// 2. A body that is being polled or dropped at this instant runs, closed or not.
    /// 3. A body that is closed is never polled again, so it counts as stopped in time, even if its
    ///    task never drops it. In a task of dsync that is after the hard deadline. In a task of the
    ///    user it is earlier, after `grace`: that task may itself be waiting for the term to end,
    ///    as in `select!` with a `stop()`, and would wait for ever.
    /// 4. A body that was closed late, as after a suspension, gets `slack` from then, so that its
    ///    task can drop it before the release is sent.
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
