//! A term ends in time, and for good.

use std::collections::BTreeMap;
use std::time::Duration;

use super::precision::Precision;
use super::wording::{at, named};
use crate::check::violation::Violation;
use crate::history::{At, Event, FAILED_OVER, History, Loss, Outcome, Term, UNDONE};

/// When something that is due at `due` has to have happened on a node: it has longer by the time
/// for which the node stood still since `from`, since its timers did so as well.
fn allowed(history: &History, node: usize, from: At, due: At, late: Duration) -> At {
    let mut until = due + late;
    for (begin, end) in &history.nodes[node].asleep {
        let end = end.unwrap_or(history.ended_at);
        if *begin <= until && end > from {
            // Its clock may have run at another rate before, and counts the time at the new one.
            until += end.saturating_sub((*begin).max(from)).mul_f64(1.03);
        }
    }
    until
}

/// 2.04, and 5.06 for locks: user code learns of the end. 2.09: its work is gone.
pub(super) fn in_time(
    history: &History,
    terms: &[Term],
    precision: Precision,
    found: &mut Vec<Violation>,
) {
    for term in terms {
        let is_lock = history.keys.get(term.key).is_some_and(|key| key.is_lock);
        let due = allowed(history, term.node, term.sent, term.deadline, precision.late);
        let heard = term.cancelled_at.unwrap_or(history.ended_at);
        if heard > due {
            found.push(Violation {
                rule: if is_lock { "5.06" } else { "2.04" },
                message: format!(
                    "{} was over at {} ({} after its last successful write was sent), and {}",
                    named(history, term),
                    at(term.deadline),
                    at(term.deadline.saturating_sub(term.sent)),
                    match term.cancelled_at {
                        Some(heard) => format!("its user heard of it at {}", at(heard)),
                        None => "its user never heard of it".to_owned(),
                    }
                ),
                nodes: vec![term.node],
                terms: vec![term.term],
                at: due,
            });
        }
        if term.killed {
            continue;
        }
        let due = allowed(history, term.node, term.sent, term.hard_deadline, precision.late);
        let gone = term.stopped_at.unwrap_or(history.ended_at);
        if gone > due && (term.cancelled_at.is_some() || term.stopped_at.is_none()) {
            found.push(Violation {
                rule: "2.09",
                message: format!(
                    "work of {} was to be dropped by {}, and {}",
                    named(history, term),
                    at(term.hard_deadline),
                    match term.stopped_at {
                        Some(gone) => format!("was gone at {}", at(gone)),
                        None => "was still there at the end".to_owned(),
                    }
                ),
                nodes: vec![term.node],
                terms: vec![term.term],
                at: due,
            });
        }
    }
}

/// 2.05 and 2.06: once over, never reported active again, nor polled.
pub(super) fn over_for_good(
    history: &History,
    terms: &[Term],
    precision: Precision,
    found: &mut Vec<Violation>,
) {
    let terms: BTreeMap<u64, &Term> = terms.iter().map(|term| (term.term, term)).collect();
    for entry in &history.entries {
        let (term, active, polled) = match &entry.event {
            Event::Asked { term, active } => (term, *active, false),
            Event::BodyPolled { term, active, .. } => (term, *active, true),
            _ => continue,
        };
        let Some(term) = terms.get(term) else { continue };
        let slept = history.nodes[term.node].slept_within(term.sent, entry.at);
        // After a pause, or once user code has been notified, being late is no excuse.
        let grace = if slept { Duration::ZERO } else { precision.late };
        let revived = term.cancelled_at.is_some_and(|cancelled| entry.at > cancelled) && active;
        let outlived = active && entry.at > term.deadline + grace.max(ROUNDING);
        let undead = polled && entry.at > term.hard_deadline + grace.max(ROUNDING);
        if !(revived || outlived || undead) {
            continue;
        }
        let rule = if slept { "2.05" } else { "2.06" };
        let what = if undead { "was polled" } else { "was reported active" };
        found.push(Violation {
            rule,
            message: format!(
                "{} {what} at {}, and had been over since {}",
                named(history, term),
                at(entry.at),
                at(term.valid_until)
            ),
            nodes: vec![term.node],
            terms: vec![term.term],
            at: entry.at,
        });
    }
}

/// Clocks that run at different rates are compared in whole microseconds.
const ROUNDING: Duration = Duration::from_micros(10);

/// 2.08: a record that is lost ends its term, while the store answers.
pub(super) fn lost_records(
    history: &History,
    terms: &[Term],
    precision: Precision,
    found: &mut Vec<Violation>,
) {
    let timing = &history.timing;
    let bound = (timing.renew_period + 2 * timing.request_timeout).mul_f64(1.02) + precision.late;
    for Loss { from, to, key, kind } in history.losses() {
        // A write that is undone may leave the record as good as it was, or bring it back.
        let undone = history.entries.iter().any(|later| {
            let undoes =
                matches!(later.event, Event::RecordLoss { kind: UNDONE | FAILED_OVER, .. });
            undoes && later.at >= from && later.at <= to + bound
        });
        if [UNDONE, FAILED_OVER].contains(&kind) || undone {
            continue;
        }
        for term in terms.iter().filter(|term| key.is_none_or(|key| key == term.key)) {
            let until = to + bound;
            let begun = term.granted.is_some_and(|(_, granted)| granted < from);
            let goes_on = begun && term.valid_until > to;
            let outlives = term.cancelled_at.is_none_or(|cancelled| cancelled > until);
            if goes_on
                && outlives
                && history.ended_at > until
                && is_calm(history, term, from, until)
            {
                found.push(Violation {
                    rule: "2.08",
                    message: format!(
                        "the record of {} was {kind} at {}, and the term went on for more than {}",
                        named(history, term),
                        at(from),
                        at(bound)
                    ),
                    nodes: vec![term.node],
                    terms: vec![term.term],
                    at: until,
                });
            }
        }
    }
}

/// Whether nothing stood between the node of a term and the store, and no message of that node's
/// that came late brought the record back.
fn is_calm(history: &History, term: &Term, from: At, to: At) -> bool {
    let disturbed = history.entries.iter().any(|entry| {
        entry.node == Some(term.node)
            && entry.at + history.timing.request_timeout >= from
            && entry.at <= to
            && match &entry.event {
                Event::Took { .. } | Event::Fault { .. } => true,
                Event::Stored { key, outcome: Outcome::Won(_), .. } => *key == term.key,
                _ => false,
            }
    });
    let slept =
        history.nodes[term.node].slept_within(from.saturating_sub(history.timing.lease), to);
    !disturbed && !slept
}
