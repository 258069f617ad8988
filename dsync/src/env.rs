//! The only place where the core touches time, tasks and chance.
//!
//! Everything in dsync asks an [`Env`]. The default one is tokio, plus the time that the machine
//! was suspended. A simulation substitutes one per simulated node, with a clock of its own that
//! may be set off, run at another rate, stand still or jump; since all chance comes from here as
//! well, such a run repeats exactly from its seed.

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

/// Time, tasks and chance.
pub trait Env: fmt::Debug + Send + Sync + 'static {
    /// Now, on a clock that never goes back and that counts suspended time. Called at every
    /// `is_leader()` and every poll of a body, from any thread, so it has to be cheap.
    fn now(&self) -> Instant;

    /// Completes at `at` or later. It may be late, after a suspension even by much: safety never
    /// depends on it.
    fn sleep_until(&self, at: Instant) -> BoxFuture<()>;

    /// Runs a task. It ends by itself; the core never needs to abort one. If the runtime goes
    /// away, the task is dropped.
    fn spawn(&self, task: BoxFuture<()>);

    /// A random number, for nonces and jitter.
    fn random(&self) -> u64;
}
