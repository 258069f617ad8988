//! What happens to candidate processes.

use std::time::Duration;

use super::candidate::Work;

/// What to do with candidate processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(super) seed: u64,
    pub(super) candidates: usize,
    pub(super) steps: usize,
    pub(super) lease: Duration,
    pub(super) work: Work,
    pub(super) namespace: String,
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

    /// Sets how often a candidate is stopped for longer than its lease, killed, or stopped in an orderly way.
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
