//! Tokens, and what they guard.

use std::collections::BTreeMap;

use super::wording::at;
use crate::check::violation::Violation;
use crate::history::{Event, History, Term};

/// 3.01: tokens increase over the terms of a key.
pub(super) fn tokens_increase(terms: &[Term], found: &mut Vec<Violation>) {
    let mut by_key: BTreeMap<usize, Vec<&Term>> = BTreeMap::new();
    for term in terms {
        by_key.entry(term.key).or_default().push(term);
    }
    for terms in by_key.values_mut() {
        terms.sort_by_key(|term| {
            (term.granted.unwrap_or((term.elected_at, term.elected_at)), term.term)
        });
        for pair in terms.windows(2) {
            let [first, second] = pair else { continue };
            // Grants that overlap have no order that anybody could know.
            let ordered = match (first.granted, second.granted) {
                (Some((_, to)), Some((from, _))) => to <= from,
                _ => true,
            };
            if ordered && second.token <= first.token {
                found.push(Violation {
                    rule: "3.01",
                    message: format!(
                        "the term that was granted at {} has token {}, which is not higher than {}, \
                         the token of the term before",
                        at(second.elected_at),
                        second.token,
                        first.token
                    ),
                    nodes: vec![first.node, second.node],
                    terms: vec![first.term, second.term],
                    at: second.elected_at,
                });
            }
        }
    }
}

/// 3.02 and 3.05: what the register accepts.
pub(super) fn register(history: &History, terms: &[Term], found: &mut Vec<Violation>) {
    let granted: BTreeMap<(usize, u64), _> = terms
        .iter()
        .filter_map(|term| Some(((term.key, term.token), (term.granted?, term.node, term.term))))
        .collect();
    let mut last = BTreeMap::new();
    for entry in &history.entries {
        let Event::Register { key, token, accepted } = entry.event else { continue };
        let node = entry.node.unwrap_or_default();
        let Some(writer) = granted.get(&(key, token)) else {
            let known = terms.iter().any(|term| term.key == key && term.token == token);
            if !known {
                found.push(Violation {
                    rule: "3.02",
                    message: format!(
                        "{} wrote with token {token} at {}, which no term began with",
                        history.nodes[node].name,
                        at(entry.at)
                    ),
                    nodes: vec![node],
                    terms: Vec::new(),
                    at: entry.at,
                });
            }
            continue;
        };
        if !accepted {
            continue;
        }
        let before = last.insert(key, *writer).unwrap_or(*writer);
        // Where it is not known exactly when each was granted, they may have been in order.
        let ((_, latest), (earliest, _)) = (writer.0, before.0);
        if earliest > latest {
            found.push(Violation {
                rule: "3.05",
                message: format!(
                    "the register accepted a write with token {token} at {}, after one of a term \
                     that was granted later",
                    at(entry.at)
                ),
                nodes: vec![before.1, writer.1],
                terms: vec![before.2, writer.2],
                at: entry.at,
            });
        }
    }
}
