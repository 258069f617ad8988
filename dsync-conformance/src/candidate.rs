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
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::clock::now;
pub use self::said::{Said, What};
pub use self::spawn::Candidate;
use crate::Harness;

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

/// Is a candidate until it is told to stop, if this process was started as one; `None` if not.
/// To be called first in `main`, outside of any tokio runtime.
#[must_use]
pub fn run_if_asked(harness: &dyn Harness) -> Option<ExitCode> {
    let orders = std::env::var_os(VARIABLE)?;
    Some(play::run(harness, &orders))
}
