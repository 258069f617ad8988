//! One unbroken period of holding.

mod bodies;
mod body;
mod clock;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(crate) use self::bodies::{Bodies, Bodily};
pub(crate) use self::body::{Care, Guarded, is_inside};
pub(crate) use self::clock::TermClock;
use crate::FencingToken;
use crate::driver::Key;
use crate::env::{Env, Instant};
use crate::tenure::Grant;

/// Why a term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndCause {
    /// `stop`, `unlock`, `shutdown`, the return of the body of `lead`, or the drop of the last
    /// handle.
    Stopped,
    /// `resign`.
    Resigned,
    /// A body panicked.
    Panicked,
    /// No renewal succeeded by the renew deadline.
    Deadline,
    /// The record is somebody else's, empty, or gone.
    Lost,
}

/// One unbroken period of leading, or of holding a lock. Cheap to clone.
///
/// A term is over at its renew deadline at the latest: [`is_active`](Self::is_active) compares
/// clocks at the call, so it is right whatever dsync's own tasks are doing, also in a process
/// that was stopped for an hour and has just been continued. Once over, it never comes back.
///
/// # What it does not guarantee
///
/// Between a check and what you do next, time passes: the process may be stopped right there.
/// Work that dsync runs ([`run`](Self::run), `when_elected`, `lead`) is never polled again once
/// the lease may be somebody else's, but what it has started elsewhere goes on: a request that
/// was sent, a blocking call, `spawn_blocking`, a task that was spawned. Where that matters, pass
/// the [`fencing_token`](Self::fencing_token) along and let the resource refuse a lower one.
#[derive(Clone)]
pub struct Term(pub(crate) Arc<TermInner>);

pub(crate) struct TermInner {
    pub(crate) key: Key,
    pub(crate) token: FencingToken,
    pub(crate) clock: TermClock,
    pub(crate) bodies: Bodies,
    pub(crate) env: Arc<dyn Env>,
    /// Identifies the keeper, so that a body can be recognised in its own `stop`.
    pub(crate) keeper: u64,
    /// How long after it was closed a body that somebody else polls counts as stopped.
    pub(crate) grace: Duration,
    /// After the hard deadline: for a poll or a drop that is in progress then.
    pub(crate) slack: Duration,
    cancelled: CancellationToken,
    cause: OnceLock<EndCause>,
}

impl Term {
    pub(crate) fn begin(
        key: Key,
        grant: &Grant,
        env: Arc<dyn Env>,
        keeper: u64,
        grace: Duration,
    ) -> Self {
        Self(Arc::new(TermInner {
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
        }))
    }

    pub(crate) fn cancel(&self, cause: EndCause) {
        self.0.clock.end();
        // The cause first, so that whoever wakes up can ask for it.
        let _ = self.0.cause.set(cause);
        self.0.cancelled.cancel();
    }

    /// The token of this term. It stays the same for all of it, and is higher than that of every
    /// earlier term of the same election or lock.
    #[must_use]
    pub fn fencing_token(&self) -> FencingToken {
        self.0.token
    }

    /// Whether the term goes on, by the clock at this call.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.0.clock.is_active(self.0.env.now())
    }

    /// For how long the term goes on at least, unless it is ended before: the time to the renew
    /// deadline. Each renewal moves it. Zero once the term is over.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.0.clock.remaining(self.0.env.now())
    }

    /// Completes when the term is over. The future borrows nothing, so it can be moved into
    /// another task.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Safe; call it again at any time.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.0.cancelled.clone().cancelled_owned()
    }

    /// Why the term ended; `None` while it goes on.
    #[must_use]
    pub fn cause(&self) -> Option<EndCause> {
        self.0.cause.get().copied()
    }

    /// Runs `future` until it completes or the term is over, whichever is first. Over: `None`, and
    /// the future is dropped at once.
    ///
    /// Each poll looks at the clock first. The end of the term waits until the future is dropped
    /// before it releases, so poll what this returns, or drop it.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`.
    ///
    /// # Panics
    ///
    /// If `future` does. Then the term ends as well.
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        Guarded::new(self, Care::UntilCancelled, future).await
    }

    /// From now on no `run` of this term goes on.
    pub(crate) fn close_runs(&self) {
        self.0.bodies.close_runs(self.0.env.now());
    }

    /// From now on no body of this term goes on.
    pub(crate) fn close_all(&self) {
        self.0.bodies.close_all(self.0.env.now());
    }

    pub(crate) fn extend(&self, valid_until: Instant, hard_deadline: Instant) -> bool {
        self.0.clock.extend(&*self.0.env, valid_until, hard_deadline)
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term")
            .field("key", &self.0.key)
            .field("fencing_token", &self.0.token)
            .field("is_active", &self.is_active())
            .field("cause", &self.cause())
            .finish_non_exhaustive()
    }
}
