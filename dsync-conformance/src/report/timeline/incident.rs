//! The times that violations are about.

use std::time::Duration;

use super::span::Span;
use crate::check::Violation;
use crate::history::{At, History, Term};
use crate::rules;

/// A violation, the time in which the rule was violated, and the time around it that is shown.
#[derive(Clone, Debug)]
pub(super) struct Incident<'a> {
    pub(super) violation: &'a Violation,
    pub(super) time: Span,
    /// The time that a picture of it shows.
    pub(super) view: Span,
    /// The keys that it is about. Empty: the violation names none.
    keys: Vec<usize>,
}

/// When a term and its work had ended.
pub(super) fn end_of(term: &Term, run_ended: At) -> At {
    term.cancelled_at.and(term.stopped_at).unwrap_or(run_ended)
}

/// When a term began at the store.
fn begin_of(term: &Term) -> At {
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
        let at = violation.at;
        let wrong = match involved.as_slice() {
            // The term lasted too long, if it went on when it should have been over.
            [term] if at >= term.deadline => {
                Span::new(term.deadline.max(term.elected_at), end_of(term, run_ended))
            }
            [] | [_] => Span::new(at, at),
            _ => overlap(history, &involved, at, run_ended).unwrap_or(Span::new(at, at)),
        };
        let time = Span::new(wrong.from.min(at), wrong.to.max(at));
        // A lease duration on both sides shows the last renewals before and the next grant after.
        let lease = history.timing.lease.max(Duration::from_millis(200));
        let earliest = time.from.saturating_sub(lease.mul_f64(2.5));
        let begun = involved.iter().map(|term| begin_of(term)).min().unwrap_or(time.from);
        let start = begun.clamp(earliest, time.from).saturating_sub(lease.mul_f64(0.4));
        // A violation that lasts to the end of the run must not make the rest too small to be seen.
        let stop = time.to.min(time.from + lease * 3) + lease;
        let view = Span::new(start, stop.min(run_ended.max(time.from)));
        Self { violation, time, view, keys: involved.iter().map(|term| term.key).collect() }
    }

    /// The name of the rule in words.
    pub(super) fn rule_name(&self) -> String {
        rules::rule(self.violation.rule).map_or("", |rule| rule.name).replace('_', " ")
    }

    /// Whether it is about this key.
    pub(super) fn is_about(&self, key: usize) -> bool {
        self.keys.is_empty() || self.keys.contains(&key)
    }

    /// Whether it concerns this node. Everything that has no node concerns every violation.
    pub(super) fn concerns(&self, node: Option<usize>) -> bool {
        let nodes = &self.violation.nodes;
        node.is_none_or(|node| nodes.is_empty() || nodes.contains(&node))
    }
}

/// When all of these terms went on at the same time.
fn overlap(history: &History, terms: &[&Term], at: At, run_ended: At) -> Option<Span> {
    let begin = terms.iter().map(|term| begin_of(term)).max()?;
    let ends = terms.iter().map(|term| {
        // A node that stands still cannot log the end of its term, so its clock decides.
        let node = history.nodes.get(term.node);
        let slept = node.is_some_and(|node| node.slept_within(term.sent, at));
        if slept { term.valid_until } else { end_of(term, run_ended) }
    });
    let end = ends.min()?;
    (begin < end).then(|| Span::new(begin, end))
}
