//! All bodies of a term.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::body::{Body, BodyStatus, DropPolicy};
use crate::env::Instant;

/// The bodies of one term, and whether new ones may still start.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    bodies: Vec<Arc<Body>>,
    runs_closed: Option<Instant>,
    all_closed: Option<Instant>,
    panicked: bool,
    overran: bool,
}

/// How the bodies of a term stand at some instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodiesStatus {
    /// Some run. If nothing else happens, look again at the given instant.
    Running { look_at: Option<Instant> },
    /// None is left.
    Stopped,
}

impl Bodies {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, policy: DropPolicy, over: bool, now: Instant) -> Arc<Body> {
        let mut state = self.lock();
        let closed = match policy {
            DropPolicy::OnCancel if over => Some(now),
            // Nothing starts after the end: what had been there may be found to have stopped.
            _ => state.runs_closed.or(state.all_closed),
        };
        let body = Arc::new(Body::new(policy, closed));
        if closed.is_none() {
            // What is closed is never polled, so nobody has to wait for it.
            state.bodies.push(Arc::clone(&body));
        }
        body
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_one();
    }

    /// Completes when a body has ended since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

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

    /// How the bodies stand, forgetting those that have ended.
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

    /// Whether a body has panicked. Told once.
    pub(crate) fn take_panicked(&self) -> bool {
        std::mem::take(&mut self.lock().panicked)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lock().bodies.len()
    }

    pub(crate) fn overran(&self) -> bool {
        self.lock().overran
    }
}
