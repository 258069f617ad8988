//! The calls of the driver, each from the call to the answer.

use std::collections::BTreeMap;

use dsync::driver::Holder;

use crate::history::{At, Event, History, Outcome, Verb};

/// One call of a driver.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    pub(super) node: usize,
    pub(super) key: usize,
    pub(super) verb: Verb,
    pub(super) holder: Option<&'a Holder>,
    pub(super) called: At,
    /// When the store answered, and with which outcome: once for each delivery.
    pub(super) stored: Vec<(At, Outcome)>,
    /// When the caller received an answer, and with which outcome.
    pub(super) answered: Option<(At, Outcome)>,
    /// The faults that hit the call.
    pub(super) met: Vec<&'static str>,
}

/// The outcome of a call as the store and its caller saw it.
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

impl Fate {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AnswerLost => "applied, but its caller was not told",
            Self::Refused => "not applied",
            Self::Unanswered => "no answer, not applied",
            Self::Read => "answered",
        }
    }
}

/// Whether a call with this outcome wrote the record.
pub(super) fn is_write(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Won(_) | Outcome::Kept | Outcome::Released)
}

impl Request<'_> {
    /// When the store applied the call, and the outcome.
    fn applied(&self) -> Option<&(At, Outcome)> {
        self.stored.iter().find(|(_, outcome)| is_write(*outcome))
    }

    pub(super) fn fate(&self) -> Fate {
        match self.answered.map(|(_, outcome)| outcome) {
            Some(outcome) if is_write(outcome) => Fate::Applied,
            _ if self.applied().is_some() => Fate::AnswerLost,
            Some(Outcome::Read) => Fate::Read,
            Some(Outcome::Ambiguous) | None => Fate::Unanswered,
            Some(_) => Fate::Refused,
        }
    }

    /// Where the call is drawn: when it took effect, or else when the store first answered it, or
    /// else when it was made.
    pub(super) fn at(&self) -> At {
        self.applied().or(self.stored.first()).map_or(self.called, |(at, _)| *at)
    }

    /// The token that the call won, whether or not its caller received the answer.
    pub(super) fn won(&self) -> Option<u64> {
        self.stored.iter().chain(&self.answered).find_map(|(_, outcome)| match outcome {
            Outcome::Won(token) => Some(*token),
            _ => None,
        })
    }
}

/// Every call by its number, but for those that begin a watch.
pub(super) fn requests(history: &History) -> BTreeMap<u64, Request<'_>> {
    let mut found: BTreeMap<u64, Request<'_>> = BTreeMap::new();
    // The last call of each node: the history has the faults that hit a call right after it.
    let mut last: BTreeMap<Option<usize>, u64> = BTreeMap::new();
    for entry in &history.entries {
        let at = entry.at;
        match &entry.event {
            Event::Called { verb: Verb::Watch, .. } => {}
            Event::Called { call, key, verb, holder } => {
                last.insert(entry.node, *call);
                let request = Request {
                    node: entry.node.unwrap_or_default(),
                    key: *key,
                    verb: *verb,
                    holder: holder.as_ref(),
                    called: at,
                    stored: Vec::new(),
                    answered: None,
                    met: Vec::new(),
                };
                found.insert(*call, request);
            }
            Event::Stored { call, outcome, .. } => {
                found.entry(*call).and_modify(|request| request.stored.push((at, *outcome)));
            }
            Event::Answered { call, outcome, .. } => {
                found.entry(*call).and_modify(|request| request.answered = Some((at, *outcome)));
            }
            Event::Took { kind } => {
                let request = last.get(&entry.node).and_then(|call| found.get_mut(call));
                if let Some(request) = request.filter(|request| request.called == at) {
                    request.met.push(kind);
                }
            }
            _ => {}
        }
    }
    found
}
