//! Random schedules over the driver under test, for the rules that only chance can violate.
//!
//! Each schedule happens in a cluster of its own: candidates, an election and a lock that no other
//! schedule uses, and faults between the core and the driver. In virtual time they follow each other;
//! in real time many run beside each other, and what can be done to the server is done to it
//! meanwhile.

mod candidates;
mod findings;
mod losses;
mod plan;
mod real_time;
mod store;
mod virtual_time;

use dsync::driver::Capabilities;

pub(crate) use self::findings::{Findings, speaks_of};
pub(crate) use self::plan::Plan;
use crate::harness::Stores;
use crate::tasks;

/// Runs random schedules. Blocks its thread, which must not belong to a runtime.
pub(crate) fn run(stores: &Stores, capabilities: &Capabilities, plan: Plan) -> Findings {
    let started = tasks::now();
    let mut findings = if plan.in_memory {
        virtual_time::run(stores, capabilities, plan)
    } else {
        real_time::run(stores, capabilities, plan)
    };
    findings.seed = plan.seed;
    findings.took = tasks::now().saturating_duration_since(started);
    findings
}
