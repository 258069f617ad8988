//! Makes a failing schedule as small as it can be.

use crate::check::Violation;
use crate::check::{Precision, check};
use crate::sim::run;
use crate::sim::schedule::{Node, Schedule, Work};

/// The smallest schedule that was found, and what it violates.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The schedule.
    pub schedule: Schedule,
    /// What it violates.
    pub violation: Violation,
    /// How many schedules were tried.
    pub tries: usize,
}

/// Looks for a smaller schedule that violates the same rule, with at most `tries` runs. `None`:
/// not even `schedule` violates it.
///
/// It drops steps, then nodes, then everything that is not as it is by default, then it shortens
/// times, and begins again until nothing helps any more.
#[must_use]
pub fn shrink(schedule: &Schedule, rule: &str, tries: usize) -> Option<Shrunk> {
    let mut search =
        Search { rule, best: schedule.clone(), violation: None, left: tries, tried: 0 };
    if !search.attempt(schedule.clone()) {
        return None;
    }
    loop {
        let before = search.best.clone();
        search.drop_steps();
        search.cut_off();
        search.drop_nodes();
        search.plain_nodes();
        search.shorten();
        search.round();
        if search.best == before || search.left == 0 {
            break;
        }
    }
    let violation = search.violation?;
    Some(Shrunk { schedule: search.best, violation, tries: search.tried })
}

struct Search<'a> {
    rule: &'a str,
    best: Schedule,
    violation: Option<Violation>,
    left: usize,
    tried: usize,
}

impl Search<'_> {
    /// Keeps `candidate` if it violates the rule as well.
    fn attempt(&mut self, mut candidate: Schedule) -> bool {
        if self.left == 0 || candidate.validate().is_err() {
            return false;
        }
        self.left -= 1;
        self.tried += 1;
        candidate.about.clear();
        let violations = check(&run(&candidate), Precision::VIRTUAL);
        let found = violations.into_iter().find(|violation| violation.rule == self.rule);
        let Some(violation) = found else { return false };
        self.best = candidate;
        self.violation = Some(violation);
        true
    }

    /// Drops runs of steps, long ones first.
    fn drop_steps(&mut self) {
        let mut size = self.best.steps.len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < self.best.steps.len() {
                let mut candidate = self.best.clone();
                let end = (start + size).min(candidate.steps.len());
                candidate.steps.drain(start..end);
                if !self.attempt(candidate) {
                    start += size;
                }
            }
            if size == 1 {
                break;
            }
            size = size.div_ceil(2);
        }
    }

    /// Ends the faults right after the last step.
    fn cut_off(&mut self) {
        let last = self.best.steps.iter().map(|step| step.at_ms).max().unwrap_or_default();
        for length in [last, last + self.best.lease_ms, last + 3 * self.best.lease_ms] {
            if length < self.best.length_ms {
                let candidate = Schedule { length_ms: length, ..self.best.clone() };
                if self.attempt(candidate) {
                    return;
                }
            }
        }
    }

    /// Drops nodes, with their steps.
    fn drop_nodes(&mut self) {
        let mut node = 0;
        while node < self.best.nodes.len() && self.best.nodes.len() > 1 {
            let mut candidate = self.best.clone();
            candidate.nodes.remove(node);
            candidate.steps.retain(|step| step.action.node() != Some(node));
            for step in &mut candidate.steps {
                if let Some(later) = step.action.node().filter(|of| *of > node) {
                    step.action = step.action.with_node(later - 1);
                }
            }
            if !self.attempt(candidate) {
                node += 1;
            }
        }
    }

    /// Nodes like any other, and no latency.
    fn plain_nodes(&mut self) {
        for node in 0..self.best.nodes.len() {
            for plain in [
                Node { clock_ms: 0, drift_ppm: 0, work: Work::Prompt },
                Node { clock_ms: 0, ..self.best.nodes[node] },
                Node { drift_ppm: 0, ..self.best.nodes[node] },
                Node { work: Work::Prompt, ..self.best.nodes[node] },
            ] {
                if plain != self.best.nodes[node] {
                    let mut candidate = self.best.clone();
                    candidate.nodes[node] = plain;
                    self.attempt(candidate);
                }
            }
        }
        if self.best.latency_ms > 0 {
            self.attempt(Schedule { latency_ms: 0, ..self.best.clone() });
        }
    }

    /// Lets everything last half as long, and happen earlier.
    fn shorten(&mut self) {
        for index in 0..self.best.steps.len() {
            for place in 0..2 {
                loop {
                    let mut candidate = self.best.clone();
                    let mut durations = candidate.steps[index].action.durations();
                    let Some(duration) = durations.get_mut(place) else { break };
                    if **duration <= 1 {
                        break;
                    }
                    **duration /= 2;
                    if !self.attempt(candidate) {
                        break;
                    }
                }
            }
        }
        // Everything from a step on happens earlier by half of the gap before it.
        for index in 0..self.best.steps.len() {
            loop {
                let before = index.checked_sub(1).map_or(0, |index| self.best.steps[index].at_ms);
                let gap = self.best.steps[index].at_ms.saturating_sub(before);
                if gap < 100 {
                    break;
                }
                let mut candidate = self.best.clone();
                for step in &mut candidate.steps[index..] {
                    step.at_ms -= gap / 2;
                }
                candidate.length_ms = candidate.length_ms.saturating_sub(gap / 2);
                if !self.attempt(candidate) {
                    break;
                }
            }
        }
    }

    /// Rounds every time, roughly where that does.
    fn round(&mut self) {
        for unit in [1000, 100, 10] {
            let rounded = |value: u64| value.div_ceil(unit) * unit;
            for index in 0..self.best.steps.len() {
                let mut candidate = self.best.clone();
                candidate.steps[index].at_ms = rounded(candidate.steps[index].at_ms);
                candidate.steps.sort_by_key(|step| step.at_ms);
                let last = candidate.steps.iter().map(|step| step.at_ms).max().unwrap_or_default();
                candidate.length_ms = candidate.length_ms.max(last);
                if candidate != self.best {
                    self.attempt(candidate);
                }
                let mut candidate = self.best.clone();
                for duration in candidate.steps[index].action.durations() {
                    *duration = rounded(*duration);
                }
                if candidate != self.best {
                    self.attempt(candidate);
                }
            }
            let length = rounded(self.best.length_ms);
            if length != self.best.length_ms {
                self.attempt(Schedule { length_ms: length, ..self.best.clone() });
            }
        }
        for seed in 0..3 {
            if self.best.seed > seed && self.attempt(Schedule { seed, ..self.best.clone() }) {
                break;
            }
        }
    }
}
