//! Candidate processes that are stopped, killed and started again, at random.
//!
//! What they say becomes a [`History`], which [`check`](crate::check::check) judges. A grant is
//! known to lie between the send and the answer of its acquire.

pub mod candidate;
mod journal;
mod run;

use std::time::Duration;

use dsync::Result;

use self::candidate::Work;
use crate::Harness;
use crate::history::History;

/// What to do with candidate processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    seed: u64,
    candidates: usize,
    steps: usize,
    lease: Duration,
    work: Work,
    namespace: String,
}

impl Plan {
    /// Three candidates for one election with a lease duration of `lease`, and twelve steps that
    /// follow from `seed`.
    #[must_use]
    pub fn new(seed: u64, lease: Duration) -> Self {
        let namespace = "default".to_owned();
        Self { seed, candidates: 3, steps: 12, lease, work: Work::Campaign, namespace }
    }

    /// Sets how many candidates there are; at least two.
    #[must_use]
    pub fn with_candidates(mut self, candidates: usize) -> Self {
        self.candidates = candidates.max(2);
        self
    }

    /// Sets how often a candidate is stopped for longer than its lease, killed, or told to stop.
    #[must_use]
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// Sets what the candidates do.
    #[must_use]
    pub fn with_work(mut self, work: Work) -> Self {
        self.work = work;
        self
    }

    /// Sets the namespace of their resource. Default: `default`.
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }
}

/// Lets candidates campaign as `plan` says. What happened.
///
/// Most steps hit the leader, and each of those ends with another one elected. If nobody is
/// elected in a generous time, the history has a [`Demand`](crate::history::Demand) that says so.
///
/// # Errors
///
/// When candidates cannot be started, or end by themselves.
///
/// # Cancel safety
///
/// Safe: every process that was started is killed.
pub async fn run(harness: &dyn Harness, plan: &Plan) -> Result<History> {
    run_since(harness, plan).await.map(|(history, _)| history)
}

/// The same, with the moment at which the history begins, on the clock of [`candidate::now`].
///
/// [`candidate::now`]: crate::process::candidate::now
pub(crate) async fn run_since(harness: &dyn Harness, plan: &Plan) -> Result<(History, Duration)> {
    run::run(harness, plan).await
}
