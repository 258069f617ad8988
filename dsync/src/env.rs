//! The only place where the core uses time, tasks and random numbers.
//!
//! All of dsync goes through an [`Env`]. The default is tokio's clock, plus the time that the
//! machine was suspended. A simulation substitutes one per simulated node, with a clock that may
//! have an offset, run at another rate, stand still or jump. Random numbers come from here as well,
//! so a simulated run repeats exactly from its seed.

mod instant;
mod suspended;
mod tokio_env;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use self::instant::Instant;
pub use self::tokio_env::TokioEnv;

/// A boxed future that an [`Env`] runs or returns.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// A source of time, tasks and random numbers.
pub trait Env: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time, on a clock that never goes back and that counts suspended time.
    ///
    /// It is called at every `is_leader()` and every poll of a body, from any thread, so it has to
    /// be cheap.
    fn now(&self) -> Instant;

    /// Completes at `at` or later. It may be late, after a suspension even by hours: safety never
    /// depends on it.
    fn sleep_until(&self, at: Instant) -> BoxFuture<()>;

    /// Runs a task in the background. Tasks end by themselves, so there is no way to abort one. If
    /// the runtime is shut down, the task is dropped.
    fn spawn(&self, task: BoxFuture<()>);

    /// Returns a random number, for nonces and jitter.
    fn random(&self) -> u64;
}
