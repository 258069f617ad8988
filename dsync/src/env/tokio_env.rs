use std::time::Duration;

use tokio::runtime::Handle;

use super::suspended::Suspended;
use super::{BoxFuture, Env, Instant};
use crate::{Error, ErrorKind, Result};

/// The default [`Env`]: tokio's clock, which tests can pause, plus suspended time.
#[derive(Debug)]
pub struct TokioEnv {
    runtime: Handle,
    epoch: tokio::time::Instant,
    suspended: Suspended,
}

impl TokioEnv {
    /// Returns an env on the tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoRuntime`] outside a tokio runtime.
    pub fn new() -> Result<Self> {
        let runtime = Handle::try_current().map_err(|_| {
            Error::definite(
                ErrorKind::NoRuntime,
                "dsync needs a tokio runtime with its time driver: call this from async code, or \
                 enter a runtime first",
            )
        })?;
        Ok(Self { epoch: tokio_now(), runtime, suspended: Suspended::new() })
    }

    fn tokio_now(&self) -> tokio::time::Instant {
        // A thread that is not in a runtime would not see a clock that a test has paused.
        let _guard = Handle::try_current().is_err().then(|| self.runtime.enter());
        tokio_now()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the module that owns the clock")]
fn tokio_now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

impl Env for TokioEnv {
    fn now(&self) -> Instant {
        let awake = self.tokio_now().saturating_duration_since(self.epoch);
        Instant::at(awake + self.suspended.duration())
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<()> {
        // Tokio's timers do not count suspended time, so this may wake late; never early.
        let wait = self.now().until(at);
        let _guard = self.runtime.enter();
        if wait > FAR {
            return Box::pin(std::future::pending());
        }
        Box::pin(tokio::time::sleep(wait))
    }

    fn spawn(&self, task: BoxFuture<()>) {
        self.runtime.spawn(task);
    }

    fn random(&self) -> u64 {
        uuid::Uuid::new_v4().as_u64_pair().1 ^ uuid::Uuid::new_v4().as_u64_pair().0
    }
}

/// Ten years: a timer beyond that means never.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_a_runtime_it_is_an_error_and_no_panic() {
        let error = TokioEnv::new().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoRuntime);
        assert!(error.to_string().contains("tokio runtime"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_follows_a_paused_clock_also_from_other_threads() {
        let env = std::sync::Arc::new(TokioEnv::new().unwrap());
        env.sleep_until(Instant::at(Duration::from_secs(100))).await;
        let other = std::sync::Arc::clone(&env);
        let there = std::thread::spawn(move || other.now()).join().unwrap();
        let here = env.now();
        assert!(there >= Instant::at(Duration::from_secs(100)), "{there:?}");
        assert!(here.since(there) < Duration::from_secs(1));
    }
}
