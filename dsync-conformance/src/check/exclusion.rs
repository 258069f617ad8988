//! 2.02: no term is granted before the last one is over.
//!
//! The rule has two independent implementations. A property test compares them, because a checker
//! that misses violations would look like a correct core.

use std::collections::BTreeMap;
#[cfg(test)]
use std::time::Duration;

use super::precision::Precision;
use super::wording::{at, named};
use crate::check::violation::Violation;
use crate::history::{At, History, Term};

/// When a term had stopped, as far as another may begin: what it is judged by, and that instant.
fn over(history: &History, term: &Term, next: At, precision: Precision) -> (&'static str, At) {
    if !precision.exact && term.cancelled_at.is_some() {
        // In real time, the instant of an entry is when it was written down, which a busy machine
        // does late. Nothing is polled past the hard deadline, so the term cannot have stopped later
        // than that. Whether its cancellation came in time is judged by 2.04.
        let stopped = term.stopped_at.unwrap_or(At::MAX).min(term.hard_deadline);
        return ("its work had stopped by", stopped);
    }
    let node = &history.nodes[term.node];
    if node.slept_within(term.sent, next) {
        // A paused node runs nothing and logs nothing, so the entries say nothing about the pause.
        // The term is over when its deadline has passed on the node's clock.
        return ("its node stood still, and it was valid until", term.valid_until);
    }
    match (term.cancelled_at, term.stopped_at) {
        (Some(cancelled), _) if cancelled > next => ("it was cancelled at", cancelled),
        (Some(_), Some(stopped)) => ("its work had stopped at", stopped),
        (Some(_), None) => ("its work never stopped, and it ran to", history.ended_at),
        (None, _) => ("it was never cancelled, and it ran to", history.ended_at),
    }
}

fn violation(history: &History, first: &Term, second: &Term, how: &str, until: At) -> Violation {
    let granted = second.granted.map_or(second.elected_at, |(_, to)| to);
    Violation {
        rule: "2.02",
        message: format!(
            "{} had begun when {} was granted at {}: {how} {}, {} too late",
            named(history, first),
            named(history, second),
            at(granted),
            at(until),
            at(until.saturating_sub(granted)),
        ),
        nodes: vec![first.node, second.node],
        terms: vec![first.term, second.term],
        at: granted,
    }
}

/// 2.02 by one pass over the terms in the order in which they were granted.
#[must_use]
pub fn overlaps(history: &History, terms: &[Term], precision: Precision) -> Vec<Violation> {
    let mut by_key: BTreeMap<usize, Vec<&Term>> = BTreeMap::new();
    for term in terms.iter().filter(|term| term.granted.is_some()) {
        by_key.entry(term.key).or_default().push(term);
    }
    let mut found = Vec::new();
    for terms in by_key.values_mut() {
        // By the latest instant at which each may have been granted: what was over for one is over for
        // those after it.
        terms.sort_by_key(|term| (term.granted.map(|(from, to)| (to, from)), term.term));
        // Of all that have begun, those that may still go on.
        let mut open: Vec<&Term> = Vec::new();
        for term in terms.iter().copied() {
            let Some((_, granted)) = term.granted else { continue };
            open.retain(|first| {
                let (how, until) = over(history, first, granted, precision);
                if until <= granted {
                    return false;
                }
                if !first.lost {
                    found.push(violation(history, first, term, how, until));
                }
                true
            });
            open.push(term);
        }
    }
    found
}

/// 2.10: the same, in a run whose clocks drift within the declared bound.
pub(super) fn while_clocks_drift(history: &History, overlaps: &[Violation]) -> Option<Violation> {
    let first = overlaps.first().filter(|_| history.has_drift())?;
    Some(Violation { rule: "2.10", ..first.clone() })
}

/// 2.02 by looking at every pair of terms, and by nothing that [`overlaps`] uses.
#[cfg(test)]
pub(super) fn overlaps_by_pairs(history: &History, terms: &[Term]) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    for first in terms {
        for second in terms {
            let (Some(begun), Some(granted)) = (first.granted, second.granted) else { continue };
            let is_later = (begun.1, begun.0, first.term) < (granted.1, granted.0, second.term);
            if first.key != second.key || !is_later || first.lost {
                continue;
            }
            let stood_still = history.nodes[first.node]
                .asleep
                .iter()
                .any(|(from, to)| *from < granted.1 && to.unwrap_or(Duration::MAX) > first.sent);
            let harmless = if stood_still {
                first.valid_until <= granted.1
            } else {
                first.cancelled_at.is_some_and(|cancelled| {
                    cancelled <= granted.1
                        && first
                            .stopped_at
                            .is_some_and(|stopped| cancelled <= stopped && stopped <= granted.1)
                })
            };
            if !harmless {
                found.push((first.term, second.term));
            }
        }
    }
    found
}

/// 2.03: at most one term is valid at any instant.
pub(super) fn one_valid_term(terms: &[Term], found: &mut Vec<Violation>) {
    let mut edges: Vec<(At, bool, &Term)> = Vec::new();
    for term in terms.iter().filter(|term| !term.lost) {
        if term.elected_at < term.valid_until {
            edges.push((term.elected_at, true, term));
            edges.push((term.valid_until, false, term));
        }
    }
    // What ends at an instant has ended before something begins there.
    edges.sort_by_key(|(at, begins, term)| (*at, *begins, term.term));
    let mut valid: BTreeMap<usize, Vec<&Term>> = BTreeMap::new();
    for (instant, begins, term) in edges {
        let valid = valid.entry(term.key).or_default();
        if !begins {
            valid.retain(|other| other.term != term.term);
            continue;
        }
        for other in valid.iter() {
            found.push(Violation {
                rule: "2.03",
                message: format!(
                    "two terms were valid at {}, with tokens {} and {}",
                    at(instant),
                    other.token,
                    term.token
                ),
                nodes: vec![other.node, term.node],
                terms: vec![other.term, term.term],
                at: instant,
            });
        }
        valid.push(term);
    }
}
