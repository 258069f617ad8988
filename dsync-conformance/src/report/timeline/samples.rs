//! Histories by hand.

use std::time::Duration;

use dsync::EndCause;
use dsync::driver::Holder;

use crate::check::Violation;
use crate::history::{
    At, Entry, Event, History, KeyInfo, NodeInfo, Outcome, Segment, Timing, Verb,
};

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Writes a history by hand.
pub(super) struct Sample {
    pub(super) history: History,
    names: u64,
}

impl Sample {
    pub(super) fn new(nodes: usize) -> Self {
        let node = |index| NodeInfo {
            name: format!("node-{index}"),
            clock: vec![Segment { at: At::ZERO, local: At::ZERO, rate: 1.0 }],
            asleep: Vec::new(),
        };
        let history = History {
            keys: vec![KeyInfo { name: "election".to_owned(), is_lock: false }],
            nodes: (0..nodes).map(node).collect(),
            ended_at: ms(8000),
            timing: Timing {
                lease: ms(2000),
                renew_deadline: ms(1333),
                hard_deadline: ms(1900),
                renew_period: ms(666),
                retry_period: ms(133),
                request_timeout: ms(266),
                max_expiry_lag: Duration::ZERO,
            },
            watched: true,
            ..History::default()
        };
        Self { history, names: 0 }
    }

    pub(super) fn note(&mut self, at: u64, node: impl Into<Option<usize>>, event: Event) {
        self.history.entries.push(Entry { at: ms(at), node: node.into(), event });
    }

    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    /// A call that takes 20 ms to the store and as long back. `answered` says whether the answer arrives.
    pub(super) fn call(&mut self, at: u64, node: usize, verb: Verb, came: Outcome, answered: bool) {
        let call = self.name();
        let holder =
            (verb != Verb::Read).then(|| Holder::from_wire(format!("node-{node}_of-{node}")));
        let called = Event::Called { call, key: 0, verb, holder: holder.clone() };
        self.note(at, node, called);
        if !answered {
            self.note(at, node, Event::Took { kind: "lost_answer" });
        }
        let stored = Event::Stored { call, key: 0, verb, holder, sent: ms(at), outcome: came };
        self.note(at + 20, node, stored);
        if answered {
            let token = if let Outcome::Won(token) = came { Some(token) } else { None };
            self.note(at + 40, node, Event::Answered { call, outcome: came, token });
        }
    }

    /// User code is elected and starts its work.
    pub(super) fn elected(&mut self, at: u64, node: usize, token: u64) -> u64 {
        let (term, body) = (token, token * 10);
        self.note(at, node, Event::Elected { term, key: 0, token, candidate: node as u64 });
        self.note(at, node, Event::BodyStarted { term, body });
        term
    }

    pub(super) fn cancelled(&mut self, at: u64, node: usize, term: u64, cause: EndCause) {
        self.note(at, node, Event::Cancelled { term, cause: Some(cause) });
        self.note(at + 30, node, Event::BodyStopped { term, body: term * 10 });
    }

    pub(super) fn asleep(&mut self, node: usize, from: u64, to: u64) {
        self.history.nodes[node].asleep.push((ms(from), Some(ms(to))));
        let text = format!("{{\"do\":\"pause\",\"node\":{node},\"for_ms\":{}}}", to - from);
        self.note(from, node, Event::Fault { kind: "pause", text });
        self.note(from, node, Event::Paused);
        self.note(to, node, Event::Resumed);
    }

    /// In the order of time.
    pub(super) fn done(mut self) -> History {
        self.history.entries.sort_by_key(|entry| entry.at);
        self.history
    }
}

/// Two terms at once, and what the checkers report.
pub(super) fn overlap() -> (History, Vec<Violation>) {
    let mut sample = Sample::new(2);
    sample.call(1000, 0, Verb::Acquire, Outcome::Won(7), true);
    let first = sample.elected(1040, 0, 7);
    sample.call(1700, 0, Verb::Renew, Outcome::Kept, true);
    let cut = "{\"do\":\"cut\",\"node\":0,\"way\":\"both\",\"for_ms\":3000}".to_owned();
    sample.note(1900, 0, Event::Fault { kind: "cut", text: cut });
    sample.call(3800, 1, Verb::Acquire, Outcome::Won(8), true);
    let second = sample.elected(3840, 1, 8);
    sample.cancelled(4600, 0, first, EndCause::Deadline);
    sample.call(4500, 1, Verb::Renew, Outcome::Kept, true);
    sample.cancelled(5200, 1, second, EndCause::Resigned);
    let violation = Violation {
        rule: "2.02",
        message: "the term of node-0 (token 7) went on when node-1 was granted token 8".to_owned(),
        nodes: vec![0, 1],
        terms: vec![first, second],
        at: ms(3820),
    };
    (sample.done(), vec![violation])
}

/// A node that stands still for longer than its lease, and is cancelled as it goes on.
pub(super) fn paused() -> History {
    let mut sample = Sample::new(2);
    sample.call(500, 0, Verb::Acquire, Outcome::Won(3), true);
    let first = sample.elected(540, 0, 3);
    sample.asleep(0, 1000, 5000);
    sample.call(2700, 1, Verb::Acquire, Outcome::Won(4), true);
    sample.elected(2740, 1, 4);
    sample.cancelled(5000, 0, first, EndCause::Deadline);
    sample.done()
}

/// An acquire that was applied although its answer was lost, which a read settles.
pub(super) fn adopted() -> History {
    let mut sample = Sample::new(1);
    let lose = "{\"do\":\"lose_answer\",\"node\":0,\"told\":false}".to_owned();
    sample.note(900, 0, Event::Fault { kind: "lose_answer", text: lose });
    sample.call(1000, 0, Verb::Acquire, Outcome::Won(5), false);
    sample.call(1300, 0, Verb::Read, Outcome::Read, true);
    let term = sample.elected(1340, 0, 5);
    sample.call(1700, 0, Verb::Renew, Outcome::Kept, true);
    sample.cancelled(2500, 0, term, EndCause::Stopped);
    sample.call(2540, 0, Verb::Release, Outcome::Released, true);
    sample.done()
}

/// An operator deletes the record of a leader, and another is elected beside it.
pub(super) fn lost_record() -> History {
    let mut sample = Sample::new(2);
    sample.call(500, 0, Verb::Acquire, Outcome::Won(1), true);
    let first = sample.elected(540, 0, 1);
    sample.note(1000, None, Event::RecordLoss { key: Some(0), kind: "deleted" });
    sample.call(1010, 1, Verb::Acquire, Outcome::Won(2), true);
    sample.elected(1050, 1, 2);
    sample.call(1170, 0, Verb::Renew, Outcome::Lost, true);
    sample.cancelled(1210, 0, first, EndCause::Lost);
    sample.done()
}
