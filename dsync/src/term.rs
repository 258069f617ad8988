//! One unbroken period of leading, or of holding a lock.

mod bodies;
mod body;
mod clock;
mod end_cause;
mod grant;
mod guarded;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::bodies::BodiesStatus;
pub(crate) use self::body::DropPolicy;
pub use self::end_cause::EndCause;
pub(crate) use self::grant::Grant;
pub(crate) use self::guarded::{Guarded, is_inside};
pub(crate) use self::state::TermState;
use crate::FencingToken;
use crate::driver::Key;
use crate::env::Env;

/// One unbroken period of leading, or of holding a lock. Clones are cheap.
///
/// A term ends at its renew deadline at the latest. [`is_active`](Self::is_active) compares the
/// deadline with the clock on every call, so it is right even if dsync's own tasks are stalled, and
/// in a process that was suspended for an hour and has just resumed. A term that has ended never
/// becomes active again.
///
/// # What it does not guarantee
///
/// Time passes between a check and the next operation; the process may be suspended right there.
/// Work that dsync runs ([`run`](Self::run), `when_elected`, `lead`) is never polled again once
/// another candidate may have acquired the lease. Work that it has started elsewhere continues: a
/// request in flight, a blocking call, `spawn_blocking`, a spawned task. Where that matters, send
/// the [`fencing_token`](Self::fencing_token) with every write and let the resource refuse a lower
/// one.
#[derive(Clone)]
pub struct Term(pub(crate) Arc<TermState>);

impl Term {
    pub(crate) fn begin(
        key: Key,
        grant: &Grant,
        env: Arc<dyn Env>,
        keeper: u64,
        grace: Duration,
    ) -> Self {
        Self(Arc::new(TermState::new(key, grant, env, keeper, grace)))
    }

    /// Returns the token of this term. It never changes, and it is higher than that of every
    /// earlier term of the same election or lock.
    #[must_use]
    pub fn fencing_token(&self) -> FencingToken {
        self.0.token
    }

    /// Returns whether the term is active, checked against the clock now.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.0.is_active()
    }

    /// Returns the time to the renew deadline, which each renewal moves. It is zero once the term
    /// has ended.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.0.clock.remaining(self.0.env.now())
    }

    /// Completes when the term ends. The future borrows nothing, so it can be moved into another
    /// task.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. It can be called again at any time.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.0.cancelled()
    }

    /// Returns why the term ended, or `None` while it is active.
    #[must_use]
    pub fn cause(&self) -> Option<EndCause> {
        self.0.cause()
    }

    /// Runs `future` until it completes or the term ends, whichever is first. If the term ends, it
    /// drops the future at once and returns `None`.
    ///
    /// Each poll checks the clock first. The lease is released only after the future is dropped, so
    /// keep polling the returned future, or drop it.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Dropping the returned future drops `future`.
    ///
    /// # Panics
    ///
    /// Panics if `future` does. The term ends as well.
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        Guarded::new(&self.0, DropPolicy::OnCancel, future).await
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
