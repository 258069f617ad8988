//! What a timeline shows, put together from the history.

use std::collections::BTreeMap;
use std::time::Duration;

use dsync::EndCause;

use super::incident::{Incident, end_of};
use super::request::{Request, requests};
use super::store::{Hold, holds};
use crate::check::Violation;
use crate::history::{At, Event, History, LockCall, Term};

/// What a timeline shows.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) history: &'a History,
    pub(super) terms: Vec<Term>,
    pub(super) requests: Vec<Request>,
    pub(super) holds: Vec<Hold>,
    pub(super) bodies: Vec<Body>,
    pub(super) waits: Vec<Wait>,
    pub(super) faults: Vec<Fault<'a>>,
    pub(super) losses: Vec<Loss>,
    pub(super) gaps: Vec<Gap>,
    /// When no process ran on a node.
    pub(super) down: Vec<(usize, At, At)>,
    pub(super) incidents: Vec<Incident<'a>>,
    /// When the run was over.
    pub(super) end: At,
}

/// A piece of work of a term.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub(super) term: u64,
    pub(super) from: At,
    pub(super) to: At,
    /// Which of the bodies that went on at the same time.
    pub(super) row: usize,
}

/// A wait for a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) node: usize,
    pub(super) key: usize,
    pub(super) from: At,
    pub(super) to: At,
}

/// Something was made to go wrong.
#[derive(Clone, Debug)]
pub(super) struct Fault<'a> {
    pub(super) at: At,
    pub(super) node: Option<usize>,
    pub(super) kind: &'static str,
    pub(super) text: &'a str,
    /// How long it goes on, where it says so.
    pub(super) lasts: Option<Duration>,
}

/// The store forgot something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) at: At,
    pub(super) key: Option<usize>,
    pub(super) kind: &'static str,
}

/// From the end of a term to the next grant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) key: usize,
    pub(super) from: At,
    pub(super) to: At,
    pub(super) tokens: (u64, u64),
    /// The term ended by its clock; else its holder gave it up, and no margin is needed.
    pub(super) ran_out: bool,
}

impl Gap {
    pub(super) fn length(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl<'a> Model<'a> {
    pub(super) fn new(history: &'a History, violations: &'a [Violation]) -> Self {
        let last = history.entries.last().map_or(At::ZERO, |entry| entry.at);
        let end = history.ended_at.max(last);
        let terms = history.terms();
        let incident = |violation| Incident::new(history, &terms, violation, end);
        let incidents = violations.iter().map(incident).collect();
        let mut model = Self {
            history,
            requests: requests(history),
            holds: holds(history, end),
            bodies: Vec::new(),
            waits: Vec::new(),
            faults: Vec::new(),
            losses: Vec::new(),
            gaps: gaps(&terms, end),
            down: Vec::new(),
            incidents,
            end,
            terms,
        };
        model.find();
        model
    }

    fn find(&mut self) {
        let mut bodies: BTreeMap<(u64, u64), (At, usize)> = BTreeMap::new();
        let mut waits: BTreeMap<u64, (usize, usize, At)> = BTreeMap::new();
        let mut killed: BTreeMap<usize, At> = BTreeMap::new();
        for entry in &self.history.entries {
            let (at, node) = (entry.at, entry.node.unwrap_or_default());
            match &entry.event {
                Event::BodyStarted { term, body } => {
                    let taken: Vec<usize> = bodies
                        .iter()
                        .filter(|((of, _), _)| of == term)
                        .map(|(_, (_, row))| *row)
                        .collect();
                    let row =
                        (0..=taken.len()).find(|row| !taken.contains(row)).unwrap_or_default();
                    bodies.insert((*term, *body), (at, row));
                }
                Event::BodyStopped { term, body } => {
                    let started = bodies.remove(&(*term, *body));
                    self.bodies.extend(started.map(|(from, row)| Body {
                        term: *term,
                        from,
                        to: at,
                        row,
                    }));
                }
                Event::LockCalled { op, key, what: LockCall::Lock { .. } } => {
                    waits.insert(*op, (node, *key, at));
                }
                Event::LockReturned { op, .. } => {
                    let wait = waits.remove(op);
                    self.waits.extend(wait.map(|(node, key, from)| Wait {
                        node,
                        key,
                        from,
                        to: at,
                    }));
                }
                Event::Fault { kind, text } => {
                    let lasts = lasts(text);
                    self.faults.push(Fault { at, node: entry.node, kind, text, lasts });
                }
                Event::RecordLoss { key, kind } => {
                    self.losses.push(Loss { at, key: *key, kind });
                }
                Event::Killed => {
                    killed.insert(node, at);
                }
                Event::Started => {
                    self.down.extend(killed.remove(&node).map(|from| (node, from, at)));
                }
                _ => {}
            }
        }
        let end = self.end;
        self.down.extend(killed.into_iter().map(|(node, from)| (node, from, end)));
        self.waits.extend(waits.into_values().map(|(node, key, from)| Wait {
            node,
            key,
            from,
            to: end,
        }));
        let terms = &self.terms;
        let of = |name: u64| terms.iter().find(|term| term.term == name);
        self.bodies.extend(bodies.into_iter().map(|((term, _), (from, row))| {
            // What dies with its process is not always written down.
            let killed = of(term).filter(|term| term.killed).and_then(|term| term.stopped_at);
            Body { term, from, to: killed.unwrap_or(end).max(from), row }
        }));
    }

    /// The name of a node.
    pub(super) fn node(&self, node: usize) -> String {
        let name = self.history.nodes.get(node).map(|node| node.name.clone());
        name.unwrap_or_else(|| format!("node {node}"))
    }

    /// The name of a node, or the store's.
    pub(super) fn who(&self, node: Option<usize>) -> String {
        node.map_or_else(|| "store".to_owned(), |node| self.node(node))
    }

    /// The name of a key.
    pub(super) fn key(&self, key: usize) -> String {
        let name = self.history.keys.get(key).map(|key| key.name.clone());
        name.unwrap_or_else(|| format!("key {key}"))
    }

    pub(super) fn term(&self, name: u64) -> Option<&Term> {
        self.terms.iter().find(|term| term.term == name)
    }

    /// When a term and its work had ended.
    pub(super) fn end_of(&self, term: &Term) -> At {
        end_of(term, self.end)
    }

    /// When a node stood still.
    pub(super) fn asleep(&self, node: usize) -> Vec<(At, At)> {
        let node = self.history.nodes.get(node);
        let asleep = node.into_iter().flat_map(|node| &node.asleep);
        asleep.map(|(from, to)| (*from, to.unwrap_or(self.end))).collect()
    }

    /// The keys that were used.
    pub(super) fn keys(&self) -> Vec<usize> {
        let used = |key: &usize| {
            self.requests.iter().any(|request| request.key == *key)
                || self.terms.iter().any(|term| term.key == *key)
                || self.holds.iter().any(|hold| hold.key == *key)
        };
        (0..self.history.keys.len()).filter(used).collect()
    }
}

/// How long a fault goes on.
fn lasts(text: &str) -> Option<Duration> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.get("for_ms").and_then(serde_json::Value::as_u64).map(Duration::from_millis)
}

/// From the end of each term to the next grant of its key. Terms that a record loss hit are left
/// out: nothing was kept for them.
fn gaps(terms: &[Term], end: At) -> Vec<Gap> {
    let mut terms: Vec<&Term> = terms.iter().filter(|term| term.granted.is_some()).collect();
    terms.sort_by_key(|term| (term.key, term.granted, term.term));
    let mut found = Vec::new();
    for pair in terms.windows(2) {
        let [first, second] = pair else { continue };
        let Some((_, granted)) = second.granted else { continue };
        if first.key != second.key || first.lost {
            continue;
        }
        let over = end_of(first, end).max(first.valid_until);
        if over <= granted {
            let tokens = (first.token, second.token);
            let given_up = first.killed
                || matches!(
                    first.cause,
                    Some(EndCause::Stopped | EndCause::Resigned | EndCause::Panicked)
                );
            let (key, ran_out) = (first.key, !given_up);
            found.push(Gap { key, from: over, to: granted, tokens, ran_out });
        }
    }
    found
}
