//! The totals of a number of runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::history::{At, Event, FAILED_OVER, History, Outcome};

/// The totals of a number of runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Schedules that were run.
    pub schedules: u64,
    /// Of these, those that ended before they were over.
    pub broken: u64,
    /// Of these, with clocks that drift.
    pub drifting: u64,
    /// How much time passed in them.
    pub virtual_time: Duration,
    /// Driver calls.
    pub calls: u64,
    /// How often faults took effect, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Terms.
    pub terms: u64,
    /// Terms that another candidate's followed.
    pub hand_overs: u64,
    /// Terms that a record loss hit, and that are judged by fewer rules.
    pub lost_terms: u64,
    /// Writes that were applied whose caller never received an answer.
    pub ambiguous_applied: u64,
    /// Uses of the lock that got it.
    pub locks: u64,
    /// The smallest time between the end of a term that ran out and the next grant.
    pub smallest_margin: Option<Duration>,
    /// How many terms ended how long before the next grant, by tenths of a lease duration.
    pub margins: BTreeMap<u64, u64>,
    /// Of each demand: the longest that it took as a share of its bound.
    pub progress: BTreeMap<String, f64>,
    /// Terms by the index of the node.
    pub terms_by_node: BTreeMap<usize, u64>,
}

impl Tally {
    /// Counts one run.
    pub fn count(&mut self, history: &History) {
        self.schedules += 1;
        self.broken += u64::from(history.broken.is_some());
        self.virtual_time += history.ended_at;
        self.drifting += u64::from(history.has_drift());
        let mut applied: BTreeSet<u64> = BTreeSet::new();
        for entry in &history.entries {
            match &entry.event {
                Event::Called { .. } => self.calls += 1,
                Event::Stored { call, outcome, .. } => {
                    if matches!(outcome, Outcome::Won(_) | Outcome::Kept | Outcome::Released) {
                        applied.insert(*call);
                    }
                }
                Event::Answered { call, outcome, .. } if *outcome != Outcome::Ambiguous => {
                    applied.remove(call);
                }
                // It happens to the server, and not once more in each cluster.
                Event::Took { kind: FAILED_OVER } => {}
                Event::Took { kind } => *self.faults.entry((*kind).to_owned()).or_default() += 1,
                Event::Fault { kind, .. } if is_of_the_node(kind) => {
                    *self.faults.entry((*kind).to_owned()).or_default() += 1;
                }
                Event::LockReturned { what: crate::history::LockReturn::Locked(_), .. } => {
                    self.locks += 1;
                }
                _ => {}
            }
        }
        self.ambiguous_applied += applied.len() as u64;
        self.count_terms(history);
        for demand in &history.demands {
            let Some(took) = demand.took.filter(|_| !demand.bound.is_zero()) else { continue };
            let share = took.as_secs_f64() / demand.bound.as_secs_f64();
            let worst = self.progress.entry(demand.rule.to_owned()).or_default();
            *worst = worst.max(share);
        }
    }

    fn count_terms(&mut self, history: &History) {
        let mut terms = history.terms();
        self.terms += terms.len() as u64;
        self.lost_terms += terms.iter().filter(|term| term.lost).count() as u64;
        for term in &terms {
            *self.terms_by_node.entry(term.node).or_default() += 1;
        }
        terms.sort_by_key(|term| (term.key, term.granted, term.term));
        // A lease that was given up, however its term ended, did not have to run out.
        let released: Vec<(usize, At)> = history
            .entries
            .iter()
            .filter_map(|entry| match entry.event {
                Event::Stored { key, outcome: Outcome::Released, .. } => Some((key, entry.at)),
                _ => None,
            })
            .collect();
        for pair in terms.windows(2) {
            let [first, second] = pair else { continue };
            if first.key != second.key {
                continue;
            }
            self.hand_overs += u64::from(first.node != second.node);
            let (Some((granted, _)), Some(stopped)) = (second.granted, first.stopped_at) else {
                continue;
            };
            let given_up = released
                .iter()
                .any(|(key, at)| *key == first.key && *at >= first.elected_at && *at <= granted);
            if first.lost || first.killed || given_up || stopped > granted {
                continue;
            }
            let over = stopped.max(first.valid_until);
            let margin = granted.saturating_sub(over);
            let tenths = 10.0 * margin.as_secs_f64() / history.timing.lease.as_secs_f64().max(1e-9);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small positive number"
            )]
            let tenths = tenths as u64;
            *self.margins.entry(tenths).or_default() += 1;
            self.smallest_margin =
                Some(self.smallest_margin.map_or(margin, |smallest| smallest.min(margin)));
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.broken += other.broken;
        self.drifting += other.drifting;
        self.virtual_time += other.virtual_time;
        self.calls += other.calls;
        self.terms += other.terms;
        self.hand_overs += other.hand_overs;
        self.lost_terms += other.lost_terms;
        self.ambiguous_applied += other.ambiguous_applied;
        self.locks += other.locks;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        for (tenths, count) in &other.margins {
            *self.margins.entry(*tenths).or_default() += count;
        }
        for (node, count) in &other.terms_by_node {
            *self.terms_by_node.entry(*node).or_default() += count;
        }
        for (rule, share) in &other.progress {
            let worst = self.progress.entry(rule.clone()).or_default();
            *worst = worst.max(*share);
        }
        self.smallest_margin =
            [self.smallest_margin, other.smallest_margin].into_iter().flatten().min();
    }
}

/// Faults that take effect as they are made; the others do when a message meets them.
fn is_of_the_node(kind: &str) -> bool {
    matches!(kind, "pause" | "suspend" | "kill" | "drift" | "panic")
}
