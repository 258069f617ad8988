//! Events that must happen in a certain order, regardless of the time.

use std::collections::BTreeMap;

use super::precision::Precision;
use super::wording::{at, named};
use crate::check::violation::Violation;
use crate::history::{Entry, Event, History, Term};

/// 2.01: elected, cancelled, elected, …
pub(super) fn alternating(history: &History, found: &mut Vec<Violation>) {
    let mut open: BTreeMap<(usize, u64), u64> = BTreeMap::new();
    let mut owners: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    for entry in &history.entries {
        let node = entry.node.unwrap_or_default();
        match &entry.event {
            Event::Elected { term, candidate, .. } => {
                owners.insert(*term, (node, *candidate));
                if let Some(earlier) = open.insert((node, *candidate), *term) {
                    found.push(Violation {
                        rule: "2.01",
                        message: format!(
                            "{} was elected at {} while its term before was not cancelled",
                            history.nodes[node].name,
                            at(entry.at)
                        ),
                        nodes: vec![node],
                        terms: vec![earlier, *term],
                        at: entry.at,
                    });
                }
            }
            Event::Cancelled { term, .. } => match owners.get(term) {
                Some(owner) if open.get(owner) == Some(term) => drop(open.remove(owner)),
                _ => found.push(Violation {
                    rule: "2.01",
                    message: format!(
                        "{} was cancelled twice, or without a term",
                        history.nodes[node].name
                    ),
                    nodes: vec![node],
                    terms: vec![*term],
                    at: entry.at,
                }),
            },
            Event::Killed => open.retain(|(of, _), _| *of != node),
            _ => {}
        }
    }
}

/// 2.07: a term is cancelled, and all its work has stopped, before its release is sent.
pub(super) fn cancelled_before_release(
    history: &History,
    terms: &[Term],
    precision: Precision,
    found: &mut Vec<Violation>,
) {
    for (index, entry) in history.entries.iter().enumerate() {
        let Event::Releasing { term, cancelled, bodies } = entry.event else { continue };
        if cancelled && bodies == 0 {
            continue;
        }
        // A body that a user's task polls counts as stopped once it is never polled again, and is
        // dropped when that task runs next, which on a busy machine may be later.
        let polled =
            |later: &Entry| matches!(later.event, Event::BodyPolled { term: of, .. } if of == term);
        if cancelled && !precision.exact && !history.entries[index..].iter().any(polled) {
            continue;
        }
        let Some(known) = terms.iter().find(|known| known.term == term) else { continue };
        let state = if cancelled {
            format!("{bodies} of its bodies still ran")
        } else {
            "it was still active".to_owned()
        };
        found.push(Violation {
            rule: "2.07",
            message: format!(
                "the release of {} was handed to the driver at {} while {state}",
                named(history, known),
                at(entry.at)
            ),
            nodes: vec![known.node],
            terms: vec![term],
            at: entry.at,
        });
    }
}
