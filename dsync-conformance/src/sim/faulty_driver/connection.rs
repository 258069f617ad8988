//! The connection under a faulty driver, and what it writes down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dsync::Result;
use dsync::driver::{Acquired, Driver, Key, Lease};

use super::call::{self, Reply, Request};
use crate::history::unsettled::{Attempt, Unsettled};
use crate::history::{At, Event, Outcome, Verb};
use crate::sim::network::Link;
use crate::sim::node::Process;
use crate::sim::recorder::Recorder;

/// The keys of a run: their index in the history.
pub(crate) type Keys = Arc<BTreeMap<Key, usize>>;

/// What calls that go on without their caller need as well.
pub(super) struct Connection {
    pub(super) inner: Arc<dyn Driver>,
    pub(super) link: Arc<Link>,
    pub(super) process: Arc<Process>,
    pub(super) recorder: Recorder,
    pub(super) keys: Keys,
    /// What reads have shown before, the oldest first.
    pub(super) seen: Mutex<BTreeMap<Key, Vec<Option<Lease>>>>,
    /// How many calls were made at the present instant.
    pub(super) busy: Mutex<(At, u32)>,
    pub(super) unsettled: Unsettled,
}

/// So many calls of one connection at one instant are a loop that takes no time. It would stand
/// still for ever on a virtual clock, so the last one is never answered.
const ENDLESS: u32 = 500;

impl Connection {
    /// Counts a call.
    pub(super) fn is_endless(&self) -> bool {
        let now = self.recorder.now();
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.0 != now {
            *busy = (now, 0);
        }
        busy.1 += 1;
        busy.1 > ENDLESS
    }

    pub(super) fn index(&self, key: &Key) -> usize {
        self.keys.get(key).copied().unwrap_or_default()
    }

    /// The store gets the request, and its answer is written down.
    pub(super) async fn store(&self, call: u64, key: &Key, request: &Request) -> Result<Reply> {
        let sent = self.recorder.now();
        if let Request::Acquire(claim) = request {
            self.unsettled.sent(Attempt { call, holder: claim.holder.clone(), sent });
        }
        let result = request.perform(&*self.inner, key).await;
        if let Ok(Reply::Read(record) | Reply::Acquire(Acquired::Held(record))) = &result {
            self.shows(key, record.as_ref());
        }
        if let Request::Acquire(claim) = request
            && !matches!(&result, Err(error) if error.is_ambiguous())
        {
            self.unsettled.known(&claim.holder);
        }
        let event = Event::Stored {
            call,
            key: self.index(key),
            verb: request.verb(),
            holder: request.holder().cloned(),
            sent,
            outcome: call::judge(&result).0,
        };
        self.recorder.note(Some(self.process.machine.index), event);
        if let Ok(Reply::Read(record)) = &result {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let seen = seen.entry(key.clone()).or_default();
            if seen.last() != Some(record) {
                if seen.len() >= 8 {
                    seen.remove(0);
                }
                seen.push(record.clone());
            }
        }
        result
    }

    /// The store shows a record, which may be that of an acquire of unknown outcome.
    pub(super) fn shows(&self, key: &Key, record: Option<&Lease>) {
        let Some(attempt) = self.unsettled.seen(record) else { return };
        let token = record.map_or(0, |lease| lease.fencing_token.get());
        let event = Event::Stored {
            call: attempt.call,
            key: self.index(key),
            verb: Verb::Acquire,
            holder: Some(attempt.holder),
            sent: attempt.sent,
            outcome: Outcome::Won(token),
        };
        self.recorder.note(Some(self.process.machine.index), event);
    }

    /// What a read has shown before the last time.
    pub(super) fn stale(&self, key: &Key) -> Option<Reply> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get(key)?;
        let index = seen.len().checked_sub(2)?;
        seen.get(index).cloned().map(Reply::Read)
    }
}
