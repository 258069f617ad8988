//! Schedules one after the other, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::Capabilities;

use super::findings::Findings;
use super::plan::{Plan, batch, named};
use super::store::HarnessStore;
use crate::check::Precision;
use crate::harness::Stores;
use crate::sim::cluster::{Cluster, Names};
use crate::sim::schedule::Shape;

/// How many schedules run in virtual time.
const VIRTUAL: u64 = 60;

pub(super) fn run(stores: &Stores, capabilities: &Capabilities, plan: Plan) -> Findings {
    let least = u64::try_from(plan.lease.as_millis()).unwrap_or(u64::MAX).clamp(2_000, 60_000);
    let shape = Shape {
        nodes: 4,
        length_ms: 20 * least,
        least_steps: 40,
        most_steps: 60,
        lease_ms: Some(least),
    };
    let mut findings = Findings::default();
    for schedule in batch(capabilities, plan, shape, VIRTUAL).schedules() {
        let run = || {
            let store = Arc::new(HarnessStore::new(stores(), Duration::from_millis(10)));
            Cluster::new(&schedule, store, Names::default())
        };
        match crate::sim::within(run) {
            Ok(history) => {
                findings.judge(&named(&schedule), &history, Precision::VIRTUAL, Duration::ZERO);
            }
            Err(why) => findings.broken = Some(why),
        }
    }
    findings
}
