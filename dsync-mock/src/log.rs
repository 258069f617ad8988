//! What was asked of the store, for tests that count.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use dsync::ErrorKind;
use dsync::driver::{Key, Verb};
use tokio::time::Instant;

/// Older requests are forgotten; the counts go on.
const MOST: usize = 65_536;

/// A request that a connection sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// When it was sent, counted from the making of the store.
    pub at: Duration,
    /// Who sent it. `None`: a connection that has not named itself yet.
    pub instance: Option<String>,
    /// What was asked.
    pub verb: Verb,
    /// Of which key.
    pub key: Key,
    /// What became of it at the store, whether or not the answer arrived.
    pub outcome: Outcome,
}

/// What became of a request at the store, whether or not the answer arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is still on its way.
    Underway,
    /// A partition swallowed it.
    NeverArrived,
    /// It was not applied; the store answered with an error of this kind.
    Failed(ErrorKind),
    /// The record was read.
    Read,
    /// A watch began.
    Watching,
    /// An acquisition that won.
    Won,
    /// An acquisition of what was not free.
    Held,
    /// A renewal that was applied.
    Kept,
    /// A renewal of what was lost.
    Lost,
    /// A release that was applied.
    Released,
    /// A release of what is not the caller's.
    NotHeld,
    /// The record had changed; nothing was written.
    Conflict,
}

/// Names an entry of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(u64);

#[derive(Debug)]
pub(crate) struct Log {
    started: Instant,
    requests: VecDeque<Request>,
    /// The entry at the front.
    first: u64,
    counts: BTreeMap<Verb, usize>,
}

impl Log {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, requests: VecDeque::new(), first: 0, counts: BTreeMap::new() }
    }

    pub(crate) fn sent(
        &mut self,
        now: Instant,
        instance: Option<&str>,
        verb: Verb,
        key: &Key,
    ) -> Entry {
        if self.requests.len() == MOST {
            self.requests.pop_front();
            self.first += 1;
        }
        *self.counts.entry(verb).or_default() += 1;
        self.requests.push_back(Request {
            at: now.saturating_duration_since(self.started),
            instance: instance.map(str::to_owned),
            verb,
            key: key.clone(),
            outcome: Outcome::Underway,
        });
        Entry(self.first + self.requests.len() as u64 - 1)
    }

    pub(crate) fn settle(&mut self, entry: Entry, outcome: Outcome) {
        let index = entry.0.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(request) = index.and_then(|index| self.requests.get_mut(index)) {
            request.outcome = outcome;
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.iter().cloned().collect()
    }

    pub(crate) fn count(&self, verb: Verb) -> usize {
        self.counts.get(&verb).copied().unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.requests.len() as u64;
        self.requests.clear();
        self.counts.clear();
    }
}
