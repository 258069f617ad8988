//! All bodies of a term.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Term;
use super::body::{Body, Care, Standing};
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
pub(crate) enum Bodily {
    /// Some run. If nothing else happens, look again at the given instant.
    Running { look_at: Option<Instant> },
    /// None is left.
    Stopped,
}

impl Bodies {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(&self, care: Care, term: &Term) -> Arc<Body> {
        let over = !term.is_active();
        let mut state = self.lock();
        let closed = match care {
            Care::UntilCancelled if over => Some(term.0.env.now()),
            // Nothing starts after the end: what had been there may be found to have stopped.
            _ => state.runs_closed.or(state.all_closed),
        };
        let body = Arc::new(Body::new(care, closed));
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
        for body in bodies.iter().filter(|body| body.care() == Care::UntilCancelled) {
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
    pub(crate) fn standing(
        &self,
        now: Instant,
        hard: Instant,
        grace: Duration,
        slack: Duration,
    ) -> Bodily {
        let mut state = self.lock();
        let State { bodies, panicked, overran, .. } = &mut *state;
        let mut look_at: Option<Instant> = None;
        let mut running = false;
        bodies.retain(|body| {
            *panicked |= body.panicked();
            *overran |= body.overran();
            match body.standing(hard, grace, slack) {
                Standing::Stopped => return false,
                Standing::StoppedAt(at) if now >= at => {}
                Standing::StoppedAt(at) => {
                    running = true;
                    look_at = Some(look_at.map_or(at, |look| look.min(at)));
                }
                Standing::Running => running = true,
            }
            true
        });
        if running { Bodily::Running { look_at } } else { Bodily::Stopped }
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
