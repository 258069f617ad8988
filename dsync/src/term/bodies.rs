//! All bodies of a term.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::body::{Body, BodyStatus, DropPolicy};
use crate::env::Instant;

/// The bodies of one term, and since when no new ones may start.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The bodies that have not stopped, as far as is known.
    bodies: Vec<Arc<Body>>,
    /// Since when no `run` starts.
    runs_closed: Option<Instant>,
    /// Since when no body starts.
    all_closed: Option<Instant>,
    /// A body panicked since the last look.
    panicked: bool,
    /// A body overran at any time.
    overran: bool,
}

/// Whether the bodies of a term have stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodiesStatus {
    /// Some run. If no body ends before, check again at this instant.
    Running { look_at: Option<Instant> },
    /// None is left.
    Stopped,
}

impl Bodies {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a body. `over`: the term has ended by the clock, even if the keeper has not noticed
    /// yet.
    pub(super) fn register(&self, policy: DropPolicy, over: bool, now: Instant) -> Arc<Body> {
        let mut state = self.lock();
        let closed = match policy {
            DropPolicy::OnCancel if over => Some(now),
            // No body starts after the end: the keeper may have found that none is left, and have
            // sent the release. The race is with `lead()`, which has received its term and has not
            // registered its body when another handle resigns.
            _ => state.runs_closed.or(state.all_closed),
        };
        let body = Arc::new(Body::new(policy, closed));
        if closed.is_none() {
            // A closed body is never polled, so the keeper does not wait for it. If it were kept, a
            // term that is over would grow with each `run` on it.
            state.bodies.push(Arc::clone(&body));
        }
        body
    }

    /// Wakes the keeper: a body has ended.
    pub(crate) fn notify(&self) {
        self.changed.notify_one();
    }

    /// Completes when a body has ended since the last call. The keeper is the only caller: a
    /// notification wakes one task.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Closes the bodies that are dropped at once when the term is cancelled.
    ///
    /// 1. Under the lock: no new one starts, and the present ones are listed. A body that registers
    ///    afterwards finds `runs_closed` and is closed from its beginning, so none escapes.
    /// 2. Without the lock: each is closed, which wakes its task. That task may run at once on
    ///    another thread, end the body and take the lock.
    pub(crate) fn close_runs(&self, now: Instant) {
        let bodies = {
            let mut state = self.lock();
            state.runs_closed.get_or_insert(now);
            state.bodies.clone()
        };
        for body in bodies.iter().filter(|body| body.policy() == DropPolicy::OnCancel) {
            body.close(now);
        }
    }

    /// Closes all bodies, in the same two steps as [`close_runs`](Self::close_runs).
    pub(crate) fn close_all(&self, now: Instant) {
        let bodies = {
            let mut state = self.lock();
            state.runs_closed.get_or_insert(now);
            state.all_closed.get_or_insert(now);
            state.bodies.clone()
        };
        for body in &bodies {
            body.close(now);
        }
    }

    /// Returns whether bodies still run, and removes those that have ended. Their panics and
    /// overruns are collected first.
    pub(crate) fn status(
        &self,
        now: Instant,
        hard: Instant,
        grace: Duration,
        slack: Duration,
    ) -> BodiesStatus {
        let mut state = self.lock();
        let State { bodies, panicked, overran, .. } = &mut *state;
        let mut look_at: Option<Instant> = None;
        let mut running = false;
        bodies.retain(|body| {
            *panicked |= body.panicked();
            *overran |= body.overran();
            match body.status(hard, grace, slack) {
                BodyStatus::Stopped => return false,
                // It counts as stopped, but it is kept: its task may still drop it, and overrun.
                BodyStatus::StoppedAt(at) if now >= at => {}
                BodyStatus::StoppedAt(at) => {
                    running = true;
                    look_at = Some(look_at.map_or(at, |look| look.min(at)));
                }
                BodyStatus::Running => running = true,
            }
            true
        });
        if running { BodiesStatus::Running { look_at } } else { BodiesStatus::Stopped }
    }

    /// Returns whether a body has panicked since the last call.
    pub(crate) fn take_panicked(&self) -> bool {
        std::mem::take(&mut self.lock().panicked)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().bodies.len()
    }

    /// Returns whether a body has overrun.
    pub(crate) fn overran(&self) -> bool {
        self.lock().overran
    }
}
