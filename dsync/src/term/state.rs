//! What the handles, the bodies and the keeper of a term share.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::bodies::{Bodies, BodiesStatus};
use super::clock::TermClock;
use super::end_cause::EndCause;
use super::grant::Grant;
use crate::FencingToken;
use crate::driver::Key;
use crate::env::{Env, Instant};

/// The state of one term.
pub(crate) struct TermState {
    pub(crate) key: Key,
    pub(crate) token: FencingToken,
    /// Decides whether the term is active.
    pub(crate) clock: TermClock,
    /// The work of the term. Its lease is not released before the last body has stopped.
    pub(crate) bodies: Bodies,
    pub(crate) env: Arc<dyn Env>,
    /// Identifies the keeper, so that a body can be recognised in its own `stop`.
    pub(crate) keeper: u64,
    /// How long after it was closed a body that a task of the user polls counts as stopped.
    pub(crate) grace: Duration,
    /// After the hard deadline: for a poll or a drop that is in progress then.
    pub(crate) slack: Duration,
    /// Wakes the tasks that wait for the end.
    cancelled: CancellationToken,
    cause: OnceLock<EndCause>,
}

impl TermState {
    pub(super) fn new(
        key: Key,
        grant: &Grant,
        env: Arc<dyn Env>,
        keeper: u64,
        grace: Duration,
    ) -> Self {
        Self {
            key,
            token: grant.token,
            clock: TermClock::new(grant.valid_until, grant.hard_deadline),
            bodies: Bodies::default(),
            env,
            keeper,
            grace,
            slack: grant.slack,
            cancelled: CancellationToken::new(),
            cause: OnceLock::new(),
        }
    }

    /// Ends the term for every handle.
    ///
    /// The order matters to a task that waits for the end on another thread:
    ///
    /// 1. The clock, so that `is_active()` is `false` for every caller that learns of the end. The
    ///    other way round, a body that was woken could find its term still active and go on.
    /// 2. The cause, so that a task that wakes up finds it.
    /// 3. The wake-up.
    pub(crate) fn cancel(&self, cause: EndCause) {
        self.clock.end();
        // A second cancellation keeps the first cause.
        let _ = self.cause.set(cause);
        self.cancelled.cancel();
    }

    /// Moves the deadlines after a renewal. Returns `false` if a caller has already seen the term
    /// end.
    pub(crate) fn extend(&self, valid_until: Instant, hard_deadline: Instant) -> bool {
        self.clock.extend(&*self.env, valid_until, hard_deadline)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.clock.is_active(self.env.now())
    }

    pub(crate) fn cause(&self) -> Option<EndCause> {
        self.cause.get().copied()
    }

    pub(crate) fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.cancelled.clone().cancelled_owned()
    }

    /// Ends every `run` of this term: it is dropped at its next poll, and no new one starts.
    pub(crate) fn close_runs(&self) {
        self.bodies.close_runs(self.env.now());
    }

    /// Ends every body of this term: it is dropped at its next poll, and no new one starts.
    pub(crate) fn close_all(&self) {
        self.bodies.close_all(self.env.now());
    }

    /// Whether bodies of this term still run.
    pub(crate) fn bodies_status(&self) -> BodiesStatus {
        self.bodies.status(self.env.now(), self.clock.hard_deadline(), self.grace, self.slack)
    }
}
