//! Which random schedules to run, and for how long.

use std::time::Duration;

use dsync::driver::{Capabilities, Expiry, WatchScope};

use crate::sim::Batch;
use crate::sim::schedule::{Schedule, Shape, Store};

/// How random schedules are run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) in_memory: bool,
    pub(crate) lease: Duration,
    /// For how long, in real time.
    pub(crate) length: Duration,
    pub(crate) seed: u64,
    /// How many clusters run beside each other, in real time.
    pub(crate) clusters: u64,
}

/// What a schedule is called in messages.
pub(super) fn named(schedule: &Schedule) -> String {
    format!("a random schedule with seed {}", schedule.seed)
}

fn store_of(capabilities: &Capabilities) -> Store {
    match (capabilities.expiry, capabilities.watch) {
        (Expiry::Observer, _) => Store::Observer,
        (_, WatchScope::Changes) => Store::Backend,
        _ => Store::Releases,
    }
}

pub(super) fn batch(capabilities: &Capabilities, plan: Plan, shape: Shape, most: u64) -> Batch {
    Batch { seed: plan.seed, shape, stores: vec![store_of(capabilities)], most, threads: 1 }
}
