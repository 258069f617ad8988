//! One unbroken period of holding.

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

    /// The token of this term. It stays the same for all of it, and is higher than that of every
    /// earlier term of the same election or lock.
    #[must_use]
    pub fn fencing_token(&self) -> FencingToken {
        self.0.token
    }

    /// Whether the term goes on, by the clock at this call.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.0.is_active()
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
        self.0.cancelled()
    }

    /// Why the term ended; `None` while it goes on.
    #[must_use]
    pub fn cause(&self) -> Option<EndCause> {
        self.0.cause()
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
