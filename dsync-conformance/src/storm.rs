//! Random schedules over the driver under test, for the rules that only chance can violate.
//!
//! Each schedule happens in a world of its own: candidates, an election and a lock that nobody
//! else uses, and faults between the core and the driver. In virtual time they follow each other;
//! in real time many run beside each other, and what can be done to the server is done to it
//! meanwhile.

mod candidates;
mod ground;
mod round;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Capabilities, Expiry, WatchScope};

use self::ground::HarnessGround;
use crate::check::{CHECKED, Precision, check};
use crate::history::History;
use crate::schedule::{Schedule, Shape, Store};
use crate::simulation::{Batch, Tally};
use crate::suite::Stores;
use crate::{Rule, Verdict};
use crate::{tasks, timeline};

/// What a storm came to.
#[derive(Debug, Default)]
pub(crate) struct Storm {
    pub(crate) tally: Tally,
    /// Of each rule that was violated: the first message.
    violations: BTreeMap<&'static str, String>,
    /// Of each of them: what happened, as a file for a browser.
    pub(crate) timelines: BTreeMap<&'static str, String>,
    /// Why nothing can be said at all.
    broken: Option<String>,
    /// For how long the machine stood still while something had to happen in time.
    pub(crate) stalled: Duration,
    pub(crate) took: Duration,
    pub(crate) seed: u64,
}

/// How to make a storm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) in_memory: bool,
    pub(crate) lease: Duration,
    /// For how long, in real time.
    pub(crate) length: Duration,
    pub(crate) seed: u64,
}

/// Schedules of a storm in virtual time.
const VIRTUAL: u64 = 60;
/// Worlds that run beside each other in real time.
const WORLDS: usize = 8;
/// A shorter lease tells more of the machine than of the driver.
const SHORTEST_REAL: Duration = Duration::from_millis(1500);
/// Verdicts on time are not worth anything if the machine stood still for longer.
const STILL: Duration = Duration::from_millis(300);

/// The rules whose violation is a matter of time: a machine that stood still explains it.
const TIMED: &[&str] = &[
    "2.04", "2.08", "2.09", "4.01", "4.02", "4.03", "4.05", "5.05", "5.06", "6.01", "6.02", "6.03",
];

impl Storm {
    /// Runs one. Blocks its thread, which must not belong to a runtime.
    pub(crate) fn run(stores: &Stores, capabilities: &Capabilities, plan: Plan) -> Self {
        let started = tasks::now();
        let mut storm = if plan.in_memory {
            in_virtual_time(stores, capabilities, plan)
        } else {
            round::in_real_time(stores, capabilities, plan)
        };
        storm.seed = plan.seed;
        storm.took = tasks::now().saturating_duration_since(started);
        storm
    }

    fn judge(&mut self, schedule: &Schedule, history: &History, precision: Precision) {
        let what = format!("a random schedule with seed {}", schedule.seed);
        self.judge_what(&what, history, precision);
    }

    fn judge_what(&mut self, what: &str, history: &History, precision: Precision) {
        self.tally.count(history);
        let violations = check(history, precision);
        for violation in &violations {
            if self.violations.contains_key(violation.rule) {
                continue;
            }
            let message = format!("{}: {} ({what})", violation.rule, violation.message);
            self.violations.insert(violation.rule, message);
            let again = "run the suite again with the same seed: it happened in a storm";
            let drawn = timeline::html(history, std::slice::from_ref(violation), what, again);
            self.timelines.insert(violation.rule, drawn);
        }
    }

    fn add(&mut self, other: Self) {
        self.tally.add(&other.tally);
        for (rule, message) in other.violations {
            self.violations.entry(rule).or_insert(message);
        }
        for (rule, drawn) in other.timelines {
            self.timelines.entry(rule).or_insert(drawn);
        }
        self.broken = self.broken.take().or(other.broken);
        self.stalled += other.stalled;
    }

    /// 3.04: tokens go on growing over restarts of the store.
    fn across_restarts(&self) -> Verdict {
        let restarts = ["server_killed", "forgotten"]
            .iter()
            .filter_map(|kind| self.tally.faults.get(*kind))
            .sum::<u64>();
        match self.violations.get("3.01") {
            _ if restarts == 0 => Verdict::Skip(
                "nobody here can restart the store (Harness::server_control)".to_owned(),
            ),
            Some(message) => Verdict::Fail(message.replacen("3.01", "3.04", 1)),
            None => Verdict::Pass,
        }
    }

    /// What it says of a rule; `None`: nothing.
    pub(crate) fn verdict(&self, rule: &Rule) -> Option<Verdict> {
        let id = rule.id;
        if matches!(id, "4.04" | "5.07") {
            // How often which candidate won stands in the report.
            return Some(Verdict::Pass);
        }
        if id == "3.04" {
            return Some(self.across_restarts());
        }
        if !CHECKED.contains(&id) {
            return None;
        }
        if let Some(message) = self.violations.get(id) {
            if TIMED.contains(&id) && self.stalled > STILL {
                let stalled = self.stalled;
                return Some(Verdict::Inconclusive(format!(
                    "the machine stood still for {stalled:.1?}; otherwise: {message}"
                )));
            }
            return Some(Verdict::Fail(message.clone()));
        }
        if let Some(why) = &self.broken {
            return Some(Verdict::Invalid(why.clone()));
        }
        let tally = &self.tally;
        let weak = [
            ("hand-overs", tally.hand_overs, 2 * tally.schedules),
            ("faults", tally.faults.values().sum(), 10 * tally.schedules),
            ("schedules", tally.schedules, 4),
        ];
        let weak = weak.into_iter().find(|(_, is, least)| is < least);
        Some(match weak {
            Some((what, is, least)) => Verdict::Invalid(format!(
                "the random schedules had {is} {what}, at least {least} are needed: let them run \
                 longer (DSYNC_CONFORMANCE_FOR=SECONDS)"
            )),
            None => Verdict::Pass,
        })
    }
}

fn store_of(capabilities: &Capabilities) -> Store {
    match (capabilities.expiry, capabilities.watch) {
        (Expiry::Observer, _) => Store::Observer,
        (_, WatchScope::Changes) => Store::Backend,
        _ => Store::Releases,
    }
}

fn batch(capabilities: &Capabilities, plan: Plan, shape: Shape, most: u64) -> Batch {
    Batch { seed: plan.seed, shape, stores: vec![store_of(capabilities)], most, threads: 1 }
}

fn in_virtual_time(stores: &Stores, capabilities: &Capabilities, plan: Plan) -> Storm {
    let least = u64::try_from(plan.lease.as_millis()).unwrap_or(u64::MAX).clamp(2_000, 60_000);
    let shape = Shape {
        nodes: 4,
        length_ms: 20 * least,
        least_steps: 40,
        most_steps: 60,
        lease_ms: Some(least),
    };
    let mut storm = Storm::default();
    for schedule in batch(capabilities, plan, shape, VIRTUAL).schedules() {
        let run = || {
            let ground = Arc::new(HarnessGround::new(stores(), Duration::from_millis(10)));
            crate::world::World::new(&schedule, ground, crate::world::Names::default())
        };
        match crate::simulation::within(run) {
            Ok(history) => storm.judge(&schedule, &history, Precision::VIRTUAL),
            Err(why) => storm.broken = Some(why),
        }
    }
    storm
}
