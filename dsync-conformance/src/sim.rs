//! Tier S1: the core on the store in memory, in virtual time.

mod batch;
pub(crate) mod cluster;
mod coverage;
mod faulty_driver;
mod network;
mod node;
mod recorder;
pub(crate) mod rng;
pub mod schedule;
mod shrink;
mod tally;
mod trace;

use std::sync::Arc;
use std::time::Duration;

pub use self::batch::{Batch, Failure};
use self::cluster::{Cluster, MockStore, Names};
use self::schedule::Schedule;
pub use self::shrink::{Shrunk, shrink};
pub use self::tally::Tally;
pub use self::trace::trace;
use crate::history::History;

/// Lets `schedule` happen in virtual time. The same schedule gives the same history each time.
///
/// # Panics
///
/// If the machine has no room for another tokio runtime.
#[must_use]
pub fn run(schedule: &Schedule) -> History {
    let cluster = || {
        let store = Arc::new(MockStore::new(schedule.store));
        Cluster::new(schedule, store, Names::default())
    };
    within(cluster).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a cluster in virtual time. It is made there, so that what it is made of has the same clock.
pub(crate) fn within(make: impl FnOnce() -> Cluster) -> Result<History, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| format!("failed to build a runtime: {error}"))?;
    Ok(runtime.block_on(async move {
        // Timers are in whole milliseconds since the runtime began, which was some microseconds
        // ago. From the next one on, every run has the same fractions.
        tokio::time::sleep(Duration::from_millis(1)).await;
        make().run().await
    }))
}
