//! A driver between the core and the driver under test: it makes the faults that can be made
//! there, and writes down what passes.

mod call;
mod shown;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Holder, Key, Lease, Released, Renewed, Watch,
};
use dsync::{Error, ErrorKind, Result, async_trait};

use self::call::{Reply, Request};
use crate::history::unsettled::{Attempt, Unsettled};
use crate::history::{At, Event, Outcome, Verb};
use crate::sim::network::{Fate, Link};
use crate::sim::node::Process;
use crate::sim::recorder::Recorder;

/// The keys of a run: their index in the history.
pub(crate) type Keys = Arc<BTreeMap<Key, usize>>;

/// A connection of one process that goes through its node's [`Link`].
pub(crate) struct FaultyDriver {
    site: Arc<Site>,
}

/// What calls that go on without their caller need as well.
struct Site {
    inner: Arc<dyn Driver>,
    link: Arc<Link>,
    process: Arc<Process>,
    recorder: Recorder,
    keys: Keys,
    /// What reads have shown before, the oldest first.
    seen: Mutex<BTreeMap<Key, Vec<Option<Lease>>>>,
    /// How many calls were made at the present instant.
    busy: Mutex<(At, u32)>,
    unsettled: Unsettled,
}

/// So many calls of one connection at one instant are a loop that takes no time. It would stand
/// still for ever on a virtual clock, so the last one is never answered.
const ENDLESS: u32 = 500;

impl FaultyDriver {
    pub(crate) fn new(
        inner: Arc<dyn Driver>,
        link: &Arc<Link>,
        process: &Arc<Process>,
        keys: &Keys,
    ) -> Self {
        let recorder = process.machine.recorder.clone();
        let site = Site {
            inner,
            link: Arc::clone(link),
            process: Arc::clone(process),
            recorder,
            keys: Arc::clone(keys),
            seen: Mutex::default(),
            busy: Mutex::default(),
            unsettled: Unsettled::default(),
        };
        Self { site: Arc::new(site) }
    }

    async fn call(&self, key: &Key, request: Request) -> Result<Reply> {
        let site = &self.site;
        let node = Some(site.process.machine.index);
        let (call, index, verb) = (site.recorder.name(), site.index(key), request.verb());
        let holder = request.holder().cloned();
        if let Some(token) = request.token() {
            site.process.witness(verb, index, token);
        }
        site.recorder.note(node, Event::Called { call, key: index, verb, holder });
        if site.is_endless() {
            site.recorder.note(node, Event::Endless { what: "calls the driver" });
            return std::future::pending().await;
        }
        let fate = site.link.fate(verb, site.recorder.now());
        for kind in &fate.took {
            site.recorder.note(node, Event::Took { kind });
        }
        let result = if fate.is_plain() {
            let result = site.store(call, key, &request).await;
            if site.link.passes_answers(site.recorder.now()) {
                result
            } else {
                site.recorder.note(node, Event::Took { kind: "cut_answers" });
                std::future::pending().await
            }
        } else {
            site.travel(call, key, request, fate).await
        };
        let (outcome, token) = call::judge(&result);
        site.recorder.note(node, Event::Answered { call, outcome, token });
        result
    }
}

impl Site {
    /// Counts a call.
    fn is_endless(&self) -> bool {
        let now = self.recorder.now();
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.0 != now {
            *busy = (now, 0);
        }
        busy.1 += 1;
        busy.1 > ENDLESS
    }

    fn index(&self, key: &Key) -> usize {
        self.keys.get(key).copied().unwrap_or_default()
    }

    /// The store gets the request, and its answer is written down.
    async fn store(&self, call: u64, key: &Key, request: &Request) -> Result<Reply> {
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
    fn shows(&self, key: &Key, record: Option<&Lease>) {
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
    fn stale(&self, key: &Key) -> Option<Reply> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get(key)?;
        let index = seen.len().checked_sub(2)?;
        seen.get(index).cloned().map(Reply::Read)
    }
}

#[async_trait]
impl Driver for FaultyDriver {
    fn name(&self) -> &'static str {
        self.site.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.site.inner.capabilities()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        match self.call(key, Request::Read).await? {
            Reply::Read(record) => Ok(record),
            _ => Err(mismatch()),
        }
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        match self.call(key, Request::Acquire(claim.clone())).await? {
            Reply::Acquire(acquired) => Ok(acquired),
            _ => Err(mismatch()),
        }
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        match self.call(key, Request::Renew(lease.clone())).await? {
            Reply::Renew(renewed) => Ok(renewed),
            _ => Err(mismatch()),
        }
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        match self.call(key, Request::Release(lease.clone())).await? {
            Reply::Release(released) => Ok(released),
            _ => Err(mismatch()),
        }
    }

    fn watch(&self, key: &Key) -> Watch {
        let site = &self.site;
        let (call, index) = (site.recorder.name(), site.index(key));
        let event = Event::Called { call, key: index, verb: Verb::Watch, holder: None };
        site.recorder.note(Some(site.process.machine.index), event);
        watch::through(shown::noticed(site, key), &site.link, &site.process)
    }

    async fn close(&self) {
        self.site.inner.close().await;
    }
}

impl fmt::Debug for FaultyDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultyDriver").field(&self.site.inner).finish()
    }
}

fn mismatch() -> Error {
    Error::ambiguous(ErrorKind::Internal, "the driver answered another verb")
}

/// For `holder` in a request.
fn of(lease: &Lease) -> Option<&Holder> {
    lease.holder.as_ref()
}

impl Site {
    /// The request goes its way, whether or not its caller still waits.
    async fn travel(
        self: &Arc<Self>,
        call: u64,
        key: &Key,
        request: Request,
        fate: Fate,
    ) -> Result<Reply> {
        call::travel(self, call, key, request, fate).await
    }
}
