//! The calls of the driver, each from the call to the answer.

use std::collections::BTreeMap;

use crate::history::{At, Event, History, Outcome, Verb};

/// One call of a driver.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) node: usize,
    pub(super) key: usize,
    pub(super) verb: Verb,
    pub(super) holder: Option<String>,
    pub(super) called: At,
    /// When it was sent to the store, when the store was through with it, and its outcome. More
    /// than one if it was delivered more than once.
    pub(super) stored: Vec<(At, At, Outcome)>,
    pub(super) answered: Option<(At, Outcome)>,
    /// The faults that it met.
    pub(super) met: Vec<&'static str>,
}

/// What a call came to, seen from both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// Applied, and its caller knows.
    Applied,
    /// Applied, and its caller does not know.
    AnswerLost,
    /// Not applied, and its caller knows.
    Refused,
    /// Not applied, and its caller does not know.
    Unanswered,
    /// A read that was answered.
    Read,
}

impl Request {
    pub(super) fn fate(&self) -> Fate {
        let answer = self.answered.map(|(_, outcome)| outcome);
        let is_write = |outcome: Outcome| {
            matches!(outcome, Outcome::Won(_) | Outcome::Kept | Outcome::Released)
        };
        let knows = answer.is_some_and(is_write);
        match answer {
            _ if knows => Fate::Applied,
            _ if self.stored.iter().any(|(_, _, outcome)| is_write(*outcome)) => Fate::AnswerLost,
            Some(Outcome::Read) => Fate::Read,
            Some(Outcome::Ambiguous) | None => Fate::Unanswered,
            Some(_) => Fate::Refused,
        }
    }

    /// Where it is shown: when it took effect, or else when the store saw it, or else the call.
    pub(super) fn at(&self) -> At {
        let mut applied = self.stored.iter().filter(|(_, _, outcome)| {
            matches!(outcome, Outcome::Won(_) | Outcome::Kept | Outcome::Released)
        });
        let seen = applied.next().or(self.stored.first());
        seen.map_or(self.called, |(_, at, _)| *at)
    }

    /// The token that it won, whether or not its caller received the answer.
    pub(super) fn won(&self) -> Option<u64> {
        let answer = self.answered.map(|(_, outcome)| outcome);
        self.stored.iter().map(|(_, _, outcome)| *outcome).chain(answer).find_map(|outcome| {
            match outcome {
                Outcome::Won(token) => Some(token),
                _ => None,
            }
        })
    }
}

/// Every call but those that begin a watch, in the order in which they were made.
pub(super) fn requests(history: &History) -> Vec<Request> {
    let mut found: Vec<Request> = Vec::new();
    let mut index_of: BTreeMap<u64, usize> = BTreeMap::new();
    // The last call of each node: the faults that a call meets are written down right after it.
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.event {
            Event::Called { verb: Verb::Watch, .. } => {}
            Event::Called { call, key, verb, holder } => {
                let node = entry.node.unwrap_or_default();
                index_of.insert(*call, found.len());
                last.insert(node, found.len());
                found.push(Request {
                    node,
                    key: *key,
                    verb: *verb,
                    holder: holder.as_ref().map(|holder| holder.as_str().to_owned()),
                    called: entry.at,
                    stored: Vec::new(),
                    answered: None,
                    met: Vec::new(),
                });
            }
            Event::Stored { call, sent, outcome, .. } => {
                if let Some(index) = index_of.get(call) {
                    found[*index].stored.push((*sent, entry.at, *outcome));
                }
            }
            Event::Answered { call, outcome, .. } => {
                if let Some(index) = index_of.get(call) {
                    found[*index].answered = Some((entry.at, *outcome));
                }
            }
            Event::Took { kind } => {
                let of = entry.node.and_then(|node| last.get(&node));
                if let Some(request) = of.map(|index| &mut found[*index])
                    && request.called == entry.at
                {
                    request.met.push(kind);
                }
            }
            _ => {}
        }
    }
    found
}
