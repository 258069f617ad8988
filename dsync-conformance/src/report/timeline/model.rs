//! What a timeline shows, read from the history.

use std::collections::BTreeMap;

use super::fault::{Fault, faults};
use super::gap::{Gap, gaps};
use super::incident::{Incident, end_of};
use super::request::{Request, requests};
use super::span::Span;
use super::store::{Hold, holds};
use crate::check::Violation;
use crate::history::{At, Event, History, LockCall, Loss, Term};

/// What a timeline shows.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) history: &'a History,
    pub(super) terms: Vec<Term>,
    /// By the number of the call.
    pub(super) requests: BTreeMap<u64, Request<'a>>,
    pub(super) holds: Vec<Hold>,
    pub(super) bodies: Vec<Body>,
    pub(super) waits: Vec<Wait>,
    pub(super) faults: Vec<Fault>,
    pub(super) losses: Vec<Loss>,
    pub(super) gaps: Vec<Gap>,
    /// When no process ran on a node.
    pub(super) down: Vec<(usize, Span)>,
    pub(super) incidents: Vec<Incident<'a>>,
    /// When the run was over.
    pub(super) end: At,
}

/// A piece of work of a term.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub(super) term: u64,
    pub(super) time: Span,
    /// The row of a body. Bodies of one term that run at the same time have different rows.
    pub(super) row: usize,
}

/// A wait for a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) node: usize,
    pub(super) key: usize,
    pub(super) time: Span,
}

impl<'a> Model<'a> {
    pub(super) fn new(history: &'a History, violations: &'a [Violation]) -> Self {
        let last = history.entries.last().map_or(At::ZERO, |entry| entry.at);
        let end = history.ended_at.max(last);
        let terms = history.terms();
        let incident = |violation| Incident::new(history, &terms, violation, end);
        let mut model = Self {
            history,
            requests: requests(history),
            holds: holds(history, end),
            bodies: Vec::new(),
            waits: Vec::new(),
            faults: faults(history),
            losses: history.losses(),
            gaps: gaps(&terms, end),
            down: Vec::new(),
            incidents: violations.iter().map(incident).collect(),
            end,
            terms,
        };
        model.find_periods();
        model
    }

    /// Finds the bodies, the waits and the times without a process, which two events delimit each.
    fn find_periods(&mut self) {
        // Those that have begun and have not ended.
        let mut bodies: BTreeMap<(u64, u64), Body> = BTreeMap::new();
        let mut waits: BTreeMap<u64, Wait> = BTreeMap::new();
        let mut down: BTreeMap<usize, Span> = BTreeMap::new();
        for entry in &self.history.entries {
            let (at, node) = (entry.at, entry.node.unwrap_or_default());
            let time = Span::new(at, self.end);
            let ended = |time: Span| Span { to: at, ..time };
            match &entry.event {
                Event::BodyStarted { term, body } => {
                    let of_term = bodies.values().filter(|other| other.term == *term);
                    let is_free = |row: &usize| of_term.clone().all(|other| other.row != *row);
                    let row = (0..=bodies.len()).find(is_free).unwrap_or_default();
                    bodies.insert((*term, *body), Body { term: *term, time, row });
                }
                Event::BodyStopped { term, body } => {
                    let body = bodies.remove(&(*term, *body));
                    self.bodies.extend(body.map(|body| Body { time: ended(body.time), ..body }));
                }
                Event::LockCalled { op, key, what: LockCall::Lock { .. } } => {
                    waits.insert(*op, Wait { node, key: *key, time });
                }
                Event::LockReturned { op, .. } => {
                    let wait = waits.remove(op);
                    self.waits.extend(wait.map(|wait| Wait { time: ended(wait.time), ..wait }));
                }
                Event::Killed => {
                    down.insert(node, time);
                }
                Event::Started => {
                    self.down.extend(down.remove(&node).map(|time| (node, ended(time))));
                }
                _ => {}
            }
        }
        self.down.extend(down);
        self.waits.extend(waits.into_values());
        for mut body in bodies.into_values() {
            // The history of a process that was killed may lack the ends of its bodies.
            let killed = self.term(body.term).filter(|term| term.killed);
            if let Some(stopped) = killed.and_then(|term| term.stopped_at) {
                body.time.to = stopped.max(body.time.from);
            }
            self.bodies.push(body);
        }
    }

    /// The name of a node.
    pub(super) fn node(&self, node: usize) -> String {
        let info = self.history.nodes.get(node);
        info.map_or_else(|| format!("node {node}"), |info| info.name.clone())
    }

    /// The name of a node, or the store's.
    pub(super) fn who(&self, node: Option<usize>) -> String {
        node.map_or_else(|| "store".to_owned(), |node| self.node(node))
    }

    /// The name of a key.
    pub(super) fn key(&self, key: usize) -> String {
        let info = self.history.keys.get(key);
        info.map_or_else(|| format!("key {key}"), |info| info.name.clone())
    }

    /// The keys that were used.
    pub(super) fn keys(&self) -> Vec<usize> {
        let used = |key: &usize| {
            self.requests.values().any(|request| request.key == *key)
                || self.terms.iter().any(|term| term.key == *key)
                || self.holds.iter().any(|hold| hold.key == *key)
        };
        (0..self.history.keys.len()).filter(used).collect()
    }

    pub(super) fn term(&self, name: u64) -> Option<&Term> {
        self.terms.iter().find(|term| term.term == name)
    }

    /// The terms of a candidate.
    pub(super) fn terms_of(&self, key: usize, node: usize) -> impl Iterator<Item = &Term> + Clone {
        self.terms.iter().filter(move |term| term.key == key && term.node == node)
    }

    /// From the election to the cancellation, as user code saw the term.
    pub(super) fn seen(&self, term: &Term) -> Span {
        Span::new(term.elected_at, term.cancelled_at.unwrap_or(self.end))
    }

    /// The time in which user code still saw the term past its renew deadline.
    pub(super) fn late(&self, term: &Term) -> Option<Span> {
        let seen = self.seen(term);
        let from = term.deadline.max(seen.from);
        (seen.to > term.deadline).then(|| Span::new(from, seen.to))
    }

    /// From the cancellation of a term to the end of its work.
    pub(super) fn rest(&self, term: &Term) -> Option<Span> {
        let rest = Span::new(self.seen(term).to, end_of(term, self.end));
        (rest.to > rest.from).then_some(rest)
    }

    /// When a node stood still.
    pub(super) fn asleep(&self, node: usize) -> impl Iterator<Item = Span> {
        let asleep = self.history.nodes.get(node).into_iter().flat_map(|node| &node.asleep);
        asleep.map(|(from, to)| Span::new(*from, to.unwrap_or(self.end)))
    }
}
