//! Candidates that are processes of their own: they can be stopped in their tracks and killed.
//!
//! The program of the tests starts itself once more, with [`VARIABLE`] set. So its `main` calls
//! [`run_if_asked`] before anything else, and the process is a candidate instead of a test.

mod clock;
mod leash;
mod notes;
mod play;
mod recording;
mod said;
mod signal;
mod spawn;
mod voice;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dsync::Result;
use dsync::driver::Driver;
use serde::{Deserialize, Serialize};

pub use self::clock::now;
pub use self::said::{Said, What};
pub use self::spawn::Candidate;
use crate::Harness;
use crate::harness::Via;

/// The environment variable that makes a process a candidate: [`Orders`] as JSON.
pub const VARIABLE: &str = "DSYNC_CONFORMANCE_CANDIDATE";

/// What a candidate is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Its instance name.
    pub instance: String,
    /// The namespace of the resource.
    pub namespace: String,
    /// Its scope.
    pub scope: String,
    /// Its name.
    pub name: String,
    /// The lease duration in milliseconds.
    pub lease_ms: u64,
    /// What to do.
    pub work: Work,
}

/// What a candidate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Campaigns, with a body that returns as soon as it hears of the end of its term.
    Campaign,
    /// Takes a lock, holds it for a while, and gives it back, again and again.
    Lock {
        /// How long it holds the lock, in milliseconds. So long it waits before the next time.
        hold_ms: u64,
    },
}

impl Orders {
    /// The timing that the candidate uses.
    #[must_use]
    pub fn timing(&self) -> dsync::Timing {
        dsync::Timing::new(Duration::from_millis(self.lease_ms))
    }
}

/// How long a candidate waits for a server that is down when it starts.
const PATIENCE: Duration = Duration::from_secs(60);

/// A driver, even if the server is down at first.
pub(crate) async fn connect(harness: &dyn Harness) -> Result<Arc<dyn Driver>> {
    let until = now() + PATIENCE;
    loop {
        match harness.connect(Via::Direct).await {
            Err(error) if error.is_retryable() && now() < until => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            connected => return connected,
        }
    }
}

/// Whether this process is to be a candidate with this harness: it was started by one like it.
pub(crate) fn is_for(harness: &dyn Harness) -> bool {
    let is_set = |(name, value): &(String, String)| {
        std::env::var_os(name).is_some_and(|is| is == value.as_str())
    };
    harness.environment().is_some_and(|pairs| pairs.iter().all(is_set))
}

/// Is a candidate until it is told to stop, if this process was started as one; `None` if not.
/// To be called first in `main`, outside of any tokio runtime.
#[must_use]
pub fn run_if_asked(harness: &dyn Harness) -> Option<ExitCode> {
    let orders = std::env::var_os(VARIABLE)?;
    Some(play::run(harness, &orders))
}
