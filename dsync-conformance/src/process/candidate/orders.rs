//! The orders of a candidate: what it does, passed in its environment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The environment variable that makes a process a candidate: [`Orders`] as JSON.
pub const VARIABLE: &str = "DSYNC_CONFORMANCE_CANDIDATE";

/// The orders of a candidate.
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
    /// Campaigns, with a body that returns as soon as its term ends.
    Campaign,
    /// Takes a lock, holds it for a while, and gives it back, again and again.
    Lock {
        /// How long it holds the lock, in milliseconds. It waits as long before it takes it again.
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
