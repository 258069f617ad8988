//! Writes down what candidates say.

use std::time::Duration;

use dsync::driver::Holder;

use crate::history::{
    At, Entry, Event, History, KeyInfo, LockCall, LockReturn, NodeInfo, Outcome, Verb,
};
use crate::process::candidate::{CandidateEvent, Message, now};

/// The one key of a run.
const KEY: usize = 0;

/// The history as it grows.
#[derive(Debug)]
pub(super) struct Journal {
    epoch: Duration,
    history: History,
}

impl Journal {
    pub(super) fn new(nodes: usize, is_lock: bool, timing: crate::history::Timing) -> Self {
        let name = if is_lock { "lock" } else { "election" };
        let node = |index| NodeInfo { name: format!("node-{index}"), ..NodeInfo::default() };
        let history = History {
            keys: vec![KeyInfo { name: name.to_owned(), is_lock }],
            nodes: (0..nodes).map(node).collect(),
            timing,
            ..History::default()
        };
        Self { epoch: now(), history }
    }

    /// When the history begins.
    pub(super) fn epoch(&self) -> Duration {
        self.epoch
    }

    /// A point on the clock of the run.
    pub(super) fn at(&self, instant: Duration) -> At {
        instant.saturating_sub(self.epoch)
    }

    pub(super) fn now(&self) -> At {
        self.at(now())
    }

    pub(super) fn note(&mut self, at: At, node: Option<usize>, event: Event) {
        self.history.entries.push(Entry { at, node, event });
    }

    /// A node stood still.
    pub(super) fn asleep(&mut self, node: usize, from: At, to: At) {
        self.history.nodes[node].asleep.push((from, Some(to)));
    }

    pub(super) fn demand(&mut self, demand: crate::history::Demand) {
        self.history.demands.push(demand);
    }

    /// The last thing for people that a node has said.
    pub(super) fn last_note(&self, node: usize) -> Option<&str> {
        self.history.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Note(text) if entry.node == Some(node) => Some(text.as_str()),
            _ => None,
        })
    }

    /// What the process with the number `process` says, which runs on `node`.
    pub(super) fn record(&mut self, node: usize, process: u64, message: &Message) {
        // Names are unique within a process.
        let name = |name: u64| (process << 32) | name;
        let holder = |holder: &Option<String>| holder.as_deref().map(Holder::from_wire);
        let at = self.at(message.at);
        let event = match &message.event {
            CandidateEvent::Campaigns => Event::Campaigns,
            CandidateEvent::Elected { term, token, candidate } => Event::Elected {
                term: name(*term),
                key: KEY,
                token: *token,
                candidate: name(*candidate),
            },
            CandidateEvent::Cancelled { term, cause } => {
                Event::Cancelled { term: name(*term), cause: cause.map(Into::into) }
            }
            CandidateEvent::BodyStarted { term, body } => {
                Event::BodyStarted { term: name(*term), body: name(*body) }
            }
            CandidateEvent::BodyPolled { term, body, active } => {
                Event::BodyPolled { term: name(*term), body: name(*body), active: *active }
            }
            CandidateEvent::BodyStopped { term, body } => {
                Event::BodyStopped { term: name(*term), body: name(*body) }
            }
            CandidateEvent::Asked { term, active } => {
                Event::Asked { term: name(*term), active: *active }
            }
            CandidateEvent::Called { call, verb, holder: by } => {
                Event::Called { call: name(*call), key: KEY, verb: *verb, holder: holder(by) }
            }
            CandidateEvent::Answered { call, verb, holder: by, sent, outcome, token } => {
                let stored = Event::Stored {
                    call: name(*call),
                    key: KEY,
                    verb: *verb,
                    holder: holder(by),
                    sent: self.at(*sent),
                    outcome: *outcome,
                };
                self.note(at, Some(node), stored);
                Event::Answered { call: name(*call), outcome: *outcome, token: *token }
            }
            CandidateEvent::Settled { call, holder, sent, token } => Event::Stored {
                call: name(*call),
                key: KEY,
                verb: Verb::Acquire,
                holder: Some(Holder::from_wire(holder.as_str())),
                sent: self.at(*sent),
                outcome: Outcome::Won(*token),
            },
            CandidateEvent::Releasing { term, cancelled, bodies } => {
                Event::Releasing { term: name(*term), cancelled: *cancelled, bodies: *bodies }
            }
            CandidateEvent::Trouble { error } => Event::Trouble { key: KEY, error: error.clone() },
            CandidateEvent::StoodStill { from } => {
                let from = self.at(*from);
                self.asleep(node, from, at);
                return;
            }
            CandidateEvent::Locks { op } => {
                Event::LockCalled { op: name(*op), key: KEY, what: LockCall::Lock { waits: true } }
            }
            CandidateEvent::Locked { op, token } => {
                Event::LockReturned { op: name(*op), what: LockReturn::Locked(*token) }
            }
            CandidateEvent::Unlocks { op, token } => {
                Event::LockCalled { op: name(*op), key: KEY, what: LockCall::Unlock(*token) }
            }
            CandidateEvent::Unlocked { op, lost } => {
                let what = if *lost { LockReturn::Lost } else { LockReturn::Unlocked };
                Event::LockReturned { op: name(*op), what }
            }
            CandidateEvent::LockFailed { op, error } => {
                Event::LockReturned { op: name(*op), what: LockReturn::Unknown(error.clone()) }
            }
            CandidateEvent::Stopped => Event::Note("it has stopped".to_owned()),
            CandidateEvent::Line(line) => Event::Note(line.clone()),
        };
        self.note(at, Some(node), event);
    }

    /// The history in the order of time.
    pub(super) fn close(mut self) -> History {
        self.history.ended_at = self.now();
        self.history.entries.sort_by_key(|entry| entry.at);
        for node in &mut self.history.nodes {
            node.asleep.sort_unstable();
            let mut merged: Vec<(At, Option<At>)> = Vec::new();
            for (from, to) in std::mem::take(&mut node.asleep) {
                match merged.last_mut() {
                    // What was seen from both sides counts once.
                    Some(last) if last.1.is_none_or(|end| end >= from) => last.1 = last.1.max(to),
                    _ => merged.push((from, to)),
                }
            }
            node.asleep = merged;
        }
        self.history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_from_both_sides_counts_once() {
        let mut journal = Journal::new(1, false, crate::history::Timing::default());
        let ms = Duration::from_millis;
        for (from, to) in [(500, 600), (100, 300), (200, 250), (290, 400)] {
            journal.asleep(0, ms(from), ms(to));
        }
        let history = journal.close();
        let asleep = &history.nodes[0].asleep;
        assert_eq!(asleep, &[(ms(100), Some(ms(400))), (ms(500), Some(ms(600)))]);
    }
}
