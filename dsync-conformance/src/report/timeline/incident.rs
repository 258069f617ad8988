//! The times that violations are about.

use std::time::Duration;

use crate::check::Violation;
use crate::history::{At, History, Term};

/// A violation, the interval in which the rule was violated, and what has to be seen around it.
#[derive(Clone, Debug)]
pub(super) struct Incident<'a> {
    pub(super) violation: &'a Violation,
    pub(super) from: At,
    pub(super) to: At,
    /// What a picture of it shows.
    pub(super) view: (At, At),
    /// The keys that it is about; none: it does not say.
    keys: Vec<usize>,
}

/// When a term and its work had ended.
pub(super) fn end_of(term: &Term, run_ended: At) -> At {
    term.cancelled_at.and(term.stopped_at).unwrap_or(run_ended)
}

/// When a term began at the store.
pub(super) fn begin_of(term: &Term) -> At {
    term.granted.map_or(term.elected_at, |(_, to)| to)
}

impl<'a> Incident<'a> {
    pub(super) fn new(
        history: &History,
        terms: &[Term],
        violation: &'a Violation,
        run_ended: At,
    ) -> Self {
        let of = |name: &u64| terms.iter().find(|term| term.term == *name);
        let involved: Vec<&Term> = violation.terms.iter().filter_map(of).collect();
        let (mut from, mut to) = (violation.at, violation.at);
        match involved.as_slice() {
            [] => {}
            // Too long, if it went on at the instant at which it should have been over.
            [term] => {
                let until = end_of(term, run_ended);
                if violation.at >= term.deadline {
                    from = from.min(term.deadline.max(term.elected_at));
                    to = to.max(until);
                }
            }
            several => {
                let begins = several.iter().map(|term| begin_of(term)).max();
                let ends = several.iter().map(|term| {
                    // A node that stands still cannot log the end of its term, so its clock decides.
                    let node = history.nodes.get(term.node);
                    if node.is_some_and(|node| node.slept_within(term.sent, violation.at)) {
                        term.valid_until
                    } else {
                        end_of(term, run_ended)
                    }
                });
                let ends = ends.min();
                if let (Some(begin), Some(end)) = (begins, ends)
                    && begin < end
                {
                    from = from.min(begin);
                    to = to.max(end);
                }
            }
        }
        // A lease duration on both sides shows the last renewals before and the next grant after.
        let lease = history.timing.lease.max(Duration::from_millis(200));
        let earliest = from.saturating_sub(lease.mul_f64(2.5));
        let begun = involved.iter().map(|term| begin_of(term)).min().unwrap_or(from);
        let start = begun.clamp(earliest, from).saturating_sub(lease.mul_f64(0.4));
        // What goes on to the end of the run must not make the rest too small to be seen.
        let stop = to.min(from + lease * 3) + lease;
        let keys = involved.iter().map(|term| term.key).collect();
        Self { violation, from, to, view: (start, stop.min(run_ended.max(from))), keys }
    }

    /// Whether it is about this key.
    pub(super) fn is_about(&self, key: usize) -> bool {
        self.keys.is_empty() || self.keys.contains(&key)
    }

    /// Whether it is about this node.
    pub(super) fn concerns(&self, node: Option<usize>) -> bool {
        node.is_none_or(|node| {
            self.violation.nodes.is_empty() || self.violation.nodes.contains(&node)
        })
    }
}
