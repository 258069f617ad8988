//! The requests that the store received, for tests that count them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use dsync::ErrorKind;
use dsync::driver::{Key, Verb};
use tokio::time::Instant;

/// The number of requests that are kept. The counts include the older ones.
const MOST: usize = 65_536;

/// A request that a connection sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// When it was sent, counted from the creation of the store.
    pub at: Duration,
    /// The instance that sent it. `None` if the connection has not learned its instance yet.
    pub instance: Option<String>,
    /// The call.
    pub verb: Verb,
    /// The key of the call.
    pub key: Key,
    /// The outcome at the store, whether or not the answer arrived.
    pub outcome: Outcome,
}

/// The outcome of a request at the store, whether or not its answer arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is in flight.
    Underway,
    /// A partition dropped it.
    NeverArrived,
    /// It was not applied, and was answered with an error of this kind.
    Failed(ErrorKind),
    /// The record was read.
    Read,
    /// A watch began.
    Watching,
    /// An acquisition that won.
    Won,
    /// An acquisition of a lease that was not free.
    Held,
    /// A renewal that was applied.
    Kept,
    /// A renewal of a lease that was lost.
    Lost,
    /// A release that was applied.
    Released,
    /// A release of a lease that the caller does not hold.
    NotHeld,
    /// The record had another version. Nothing was written.
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
