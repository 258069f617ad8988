//! The thread that aborts the process if work does not stop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::env::{Env, Instant};
use crate::term::{BodiesStatus, Term, TermState};

/// Checks the hard deadlines of terms on a separate thread, since their work may block the runtime.
/// The thread starts with the first term and ends with its owner.
#[derive(Debug, Default)]
pub(crate) struct Watchdog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    terms: Vec<Weak<TermState>>,
    started: bool,
    ended: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("terms", &self.terms.len()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    /// Watches `term` until nothing is left of it.
    pub(crate) fn watch(&self, term: &Term, env: &Arc<dyn Env>) {
        let mut state = self.0.lock();
        state.terms.push(Arc::downgrade(&term.0));
        if !state.started {
            let (shared, env) = (Arc::clone(&self.0), Arc::clone(env));
            let spawned = std::thread::Builder::new()
                .name("dsync-watchdog".to_owned())
                .spawn(move || watch(&shared, &*env));
            state.started = spawned.is_ok();
            if let Err(error) = spawned {
                tracing::error!(target: "dsync", %error, "the thread of the watchdog did not start");
            }
        }
        self.0.changed.notify_one();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}

fn watch(shared: &Shared, env: &dyn Env) {
    let mut state = shared.lock();
    while !state.ended {
        let now = env.now();
        let mut next: Option<Instant> = None;
        state.terms.retain(|term| {
            let Some(term) = term.upgrade() else { return false };
            let hard = term.clock.hard_deadline();
            if now >= hard {
                term.bodies.close_all(now);
                if term.bodies.status(now, hard, Duration::ZERO, Duration::ZERO)
                    == BodiesStatus::Stopped
                {
                    return false;
                }
                // A poll or a drop that is in progress at the deadline gets the slack to return.
                // Without it, healthy work that is caught in a poll would abort the process.
                let late = hard + term.slack;
                if now >= late {
                    abort(&term);
                    return false;
                }
                next = Some(next.map_or(late, |next| next.min(late)));
                return true;
            }
            next = Some(next.map_or(hard, |next| next.min(hard)));
            true
        });
        // The clock of the env may run at another rate than the one the thread sleeps by, or be
        // paused, so the deadline is checked at least once a second.
        let wait = next.map_or(Duration::from_secs(3600), |next| now.until(next));
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_secs(1));
        let waited = if state.terms.is_empty() {
            shared.changed.wait(state).map_err(|_| ())
        } else {
            shared.changed.wait_timeout(state, wait).map(|(state, _)| state).map_err(|_| ())
        };
        match waited {
            Ok(next) => state = next,
            Err(()) => return,
        }
    }
}

#[expect(clippy::print_stderr, reason = "the process ends here, and may have no logger")]
fn abort(term: &TermState) {
    let (key, token) = (&term.key, term.token);
    tracing::error!(target: "dsync", %key, %token, "work blocks past the hard deadline, aborting");
    eprintln!(
        "dsync: work of the term with token {token} of {key} blocks its thread past the hard \
         deadline; aborting the process, as configured, before another candidate is elected"
    );
    std::process::abort();
}
