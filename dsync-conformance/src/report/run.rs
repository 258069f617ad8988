use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sim::Tally;

/// The figures of one tier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// The machines it was run on.
    pub environments: Vec<Environment>,
    /// The seeds of the random schedules.
    pub seeds: Vec<u64>,
    /// Real time in milliseconds.
    pub wall_ms: u64,
    /// Time on the virtual clock in milliseconds; 0: the run was in real time.
    pub virtual_ms: u64,
    /// Schedules: random sequences of faults and of operations of users.
    pub schedules: u64,
    /// Of these, with clocks that drift.
    pub drifting: u64,
    /// Calls of the driver.
    pub operations: u64,
    /// Requests that the server received, where something between it and the driver counts them.
    pub requests: Option<u64>,
    /// How often faults took effect, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Terms, uses of locks included.
    pub terms: u64,
    /// Terms that another candidate's followed.
    pub hand_overs: u64,
    /// Uses of a lock that acquired it.
    pub locks: u64,
    /// Writes that were applied without their caller getting an answer.
    pub ambiguous_applied: u64,
    /// Terms that a record loss affected, which fewer rules judge.
    pub lost_terms: u64,
    /// Possible violations: the grant is only known to lie between two instants.
    pub uncertain: u64,
    /// The smallest time in milliseconds between the end of a term that ran out and the next
    /// grant; `null`: there was no such pair of terms.
    pub smallest_margin_ms: Option<f64>,
    /// How many of these times lie within which tenth of a lease duration: `"3"` is from 0.3 to
    /// 0.4 of it.
    pub margins: BTreeMap<u64, u64>,
    /// The worst case of each rule of liveness, by the id of the rule.
    pub liveness: BTreeMap<String, Worst>,
    /// Terms by candidate.
    pub terms_by_candidate: BTreeMap<String, u64>,
    /// The longest time in milliseconds for which the machine stalled, where it was measured.
    pub longest_stall_ms: Option<f64>,
    /// What was too rare in the run for it to mean anything.
    pub gaps: Vec<String>,
}

/// The worst case of something that has a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// The longest time as a share of its bound: 1 is the bound.
    pub share: f64,
    /// That time in milliseconds, where it is known.
    pub took_ms: Option<f64>,
    /// Its bound in milliseconds, where it is known.
    pub bound_ms: Option<f64>,
}

/// The machine that a tier was run on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The operating system, such as `linux`.
    pub os: String,
    /// The processor, such as `x86_64`.
    pub arch: String,
    /// How many processors a program may use.
    pub cpus: u64,
    /// How the suite was built: `debug` or `release`.
    pub profile: String,
}

impl Environment {
    /// Returns the machine that this program runs on.
    #[must_use]
    pub fn here() -> Self {
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64),
            profile: profile.to_owned(),
        }
    }
}

impl Worst {
    /// Creates the worst case of a time and its bound.
    #[must_use]
    pub fn new(took: Duration, bound: Duration) -> Self {
        let share = thousandths(took.as_secs_f64() / bound.as_secs_f64().max(1e-9));
        Self { share, took_ms: Some(ms(took)), bound_ms: Some(ms(bound)) }
    }
}

impl Run {
    /// Creates the figures of a run on this machine that took so much real time.
    #[must_use]
    pub fn here(took: Duration) -> Self {
        Self { environments: vec![Environment::here()], wall_ms: whole_ms(took), ..Self::default() }
    }

    /// Adds the figures that were counted in histories.
    #[must_use]
    pub fn with_tally(mut self, tally: &Tally) -> Self {
        let liveness = tally.progress.iter().map(|(rule, share)| {
            let worst = Worst { share: thousandths(*share), ..Worst::default() };
            (rule.clone(), worst)
        });
        let by_candidate = tally.terms_by_node.iter();
        self.add(&Self {
            virtual_ms: whole_ms(tally.virtual_time),
            schedules: tally.schedules,
            drifting: tally.drifting,
            operations: tally.calls,
            faults: tally.faults.clone(),
            terms: tally.terms,
            hand_overs: tally.hand_overs,
            locks: tally.locks,
            ambiguous_applied: tally.ambiguous_applied,
            lost_terms: tally.lost_terms,
            smallest_margin_ms: tally.smallest_margin.map(ms),
            margins: tally.margins.clone(),
            liveness: liveness.collect(),
            terms_by_candidate: by_candidate
                .map(|(node, terms)| (format!("node-{node}"), *terms))
                .collect(),
            ..Self::default()
        });
        self
    }

    /// Returns how often faults took effect.
    #[must_use]
    pub fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Adds the figures of another run.
    pub fn add(&mut self, other: &Self) {
        append(&mut self.environments, &other.environments);
        append(&mut self.seeds, &other.seeds);
        append(&mut self.gaps, &other.gaps);
        self.wall_ms += other.wall_ms;
        self.virtual_ms += other.virtual_ms;
        self.schedules += other.schedules;
        self.drifting += other.drifting;
        self.operations += other.operations;
        self.requests = match (self.requests, other.requests) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        sum(&mut self.faults, &other.faults);
        self.terms += other.terms;
        self.hand_overs += other.hand_overs;
        self.locks += other.locks;
        self.ambiguous_applied += other.ambiguous_applied;
        self.lost_terms += other.lost_terms;
        self.uncertain += other.uncertain;
        self.smallest_margin_ms =
            either(self.smallest_margin_ms, other.smallest_margin_ms, f64::min);
        sum(&mut self.margins, &other.margins);
        for (rule, worst) in &other.liveness {
            let known = self.liveness.entry(rule.clone()).or_insert(*worst);
            if worst.share > known.share {
                *known = *worst;
            }
        }
        sum(&mut self.terms_by_candidate, &other.terms_by_candidate);
        self.longest_stall_ms = either(self.longest_stall_ms, other.longest_stall_ms, f64::max);
    }
}

fn append<T: Clone + PartialEq>(to: &mut Vec<T>, from: &[T]) {
    for value in from {
        if !to.contains(value) {
            to.push(value.clone());
        }
    }
}

fn sum<K: Clone + Ord>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key.clone()).or_default() += count;
    }
}

fn either(a: Option<f64>, b: Option<f64>, choose: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

/// Milliseconds with three digits behind the point.
pub(super) fn ms(duration: Duration) -> f64 {
    thousandths(duration.as_secs_f64() * 1e3)
}

fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
