//! The newest known object of each key, from the answers to our own requests and from the watch.
//!
//! A replacement needs the whole object, and this is what saves a read before each write. It is
//! never trusted with a decision: whatever it holds is only ever written back on condition that
//! the server still has it at that version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dsync::Error;
use dsync::driver::{Key, Version};
use tokio::sync::watch;

use crate::record::Record;

/// Objects that nobody subscribes to are forgotten when there are this many.
const SPARE: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the updates of all entries.
    tick: u64,
    namespaces: HashMap<String, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    entries: HashMap<String, Entry>,
    subscribed: usize,
}

/// When a read was sent, in updates of the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent(u64);

#[derive(Debug, Default)]
struct Entry {
    record: Option<Arc<Record>>,
    /// The highest resourceVersion that was seen, also of an object that is gone.
    revision: u64,
    updated: u64,
    /// A write at this version was refused, so the server has another one.
    refuted: bool,
    /// The state is what a read has shown since the watch covers this key.
    covered: bool,
    subscribers: usize,
    slot: Option<watch::Sender<Slot>>,
}

/// What the streams of one key are told. Only the last state is kept: a slow one skips.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) record: Option<Arc<Record>>,
    /// Counts the changes of `record`. Zero: it is not known yet.
    pub(crate) changes: u64,
    /// Counts the signs of life of the watch.
    pub(crate) beats: u64,
    pub(crate) end: Option<Error>,
}

impl Cache {
    /// To be called before a read is sent.
    pub(crate) fn sending(&self) -> Sent {
        Sent(self.lock().tick)
    }

    /// The object to write over, unless the server is known to have another one.
    pub(crate) fn usable(&self, key: &Key) -> Option<Arc<Record>> {
        let state = self.lock();
        let entry = state.namespaces.get(key.namespace())?.entries.get(key.name())?;
        entry.record.clone().filter(|_| !entry.refuted)
    }

    /// The object, if it is at `version`.
    pub(crate) fn at(&self, key: &Key, version: &Version) -> Option<Arc<Record>> {
        self.usable(key).filter(|record| record.version() == *version)
    }

    /// What an answer of the server has shown, to a request sent at `sent`.
    ///
    /// It counts if nothing was learned since the request was sent, since answers are
    /// linearizable (even at a lower version, after a restored backup), and otherwise if its
    /// version is higher.
    pub(crate) fn answered(&self, key: &Key, sent: Sent, record: Option<&Arc<Record>>) {
        self.lock().apply(key.namespace(), key.name(), Some(sent), record, None);
    }

    /// The object was deleted when it was at `revision`, by a request sent at `sent`.
    pub(crate) fn deleted(&self, key: &Key, sent: Sent, revision: u64) {
        self.lock().apply(key.namespace(), key.name(), Some(sent), None, Some(revision));
    }

    /// A write at `version` was refused.
    pub(crate) fn refute(&self, key: &Key, version: &Version) {
        let mut state = self.lock();
        if let Some(entry) = state.entry(key.namespace(), key.name())
            && entry.record.as_ref().is_some_and(|record| record.version() == *version)
        {
            entry.refuted = true;
        }
    }

    /// An event of the watch. Those of keys that nobody asked for are dropped.
    pub(crate) fn event(&self, namespace: &str, record: &Arc<Record>, deleted: bool) {
        let mut state = self.lock();
        let name = record.name();
        if state.entry(namespace, name).is_some() {
            let revision = record.revision();
            let record = (!deleted).then_some(record);
            state.apply(namespace, name, None, record, Some(revision));
        }
    }

    /// Subscribes to `key`; `true`: its state is already covered by the watch.
    pub(crate) fn subscribe(&self, key: &Key) -> (watch::Receiver<Slot>, bool) {
        let mut state = self.lock();
        let namespace = state.namespaces.entry(key.namespace().to_owned()).or_default();
        let entry = namespace.entries.entry(key.name().to_owned()).or_default();
        if entry.subscribers == 0 {
            namespace.subscribed += 1;
        }
        entry.subscribers += 1;
        let slot = entry.slot.get_or_insert_with(|| watch::Sender::new(Slot::default()));
        (slot.subscribe(), entry.covered)
    }

    /// Undoes [`subscribe`](Self::subscribe). Tells how many keys of the namespace are left, and
    /// whether this one is among them.
    pub(crate) fn unsubscribe(&self, key: &Key) -> (usize, bool) {
        let mut state = self.lock();
        let Some(namespace) = state.namespaces.get_mut(key.namespace()) else { return (0, false) };
        let Some(entry) = namespace.entries.get_mut(key.name()) else {
            return (namespace.subscribed, false);
        };
        entry.subscribers = entry.subscribers.saturating_sub(1);
        if entry.subscribers > 0 {
            return (namespace.subscribed, true);
        }
        entry.covered = false;
        entry.slot = None;
        namespace.subscribed = namespace.subscribed.saturating_sub(1);
        (namespace.subscribed, false)
    }

    /// The watch covers `key` from now on, and a read has shown its state.
    pub(crate) fn cover(&self, namespace: &str, name: &str) {
        if let Some(entry) = self.lock().entry(namespace, name) {
            entry.cover();
        }
    }

    /// A list of `name` or of the whole namespace has come, and the watch goes on from there.
    pub(crate) fn listed(
        &self,
        namespace: &str,
        name: Option<&str>,
        sent: Sent,
        records: &HashMap<String, Arc<Record>>,
    ) {
        let mut state = self.lock();
        for known in state.names(namespace, name) {
            state.apply(namespace, &known, Some(sent), records.get(&known), None);
            if let Some(entry) = state.entry(namespace, &known).filter(|it| it.subscribers > 0) {
                entry.cover();
            }
        }
    }

    /// The watch of `name` or of the whole namespace has given a sign of life.
    pub(crate) fn beat(&self, namespace: &str, name: Option<&str>) {
        let mut state = self.lock();
        for known in state.names(namespace, name) {
            if let Some(slot) = state.entry(namespace, &known).and_then(|entry| entry.slot.as_ref())
            {
                slot.send_modify(|slot| slot.beats += 1);
            }
        }
    }

    /// The watch of `name` or of the whole namespace is over, and so are the streams.
    pub(crate) fn end(&self, namespace: &str, name: Option<&str>, error: &Error) {
        let mut state = self.lock();
        for known in state.names(namespace, name) {
            if let Some(entry) = state.entry(namespace, &known) {
                entry.covered = false;
                // Streams that come later get a new slot, and a new watch.
                if let Some(slot) = entry.slot.take() {
                    slot.send_modify(|slot| slot.end = Some(error.clone()));
                }
            }
        }
    }

    /// The keys of `namespace` that somebody subscribes to.
    pub(crate) fn subscribed(&self, namespace: &str) -> Vec<String> {
        let state = self.lock();
        let Some(namespace) = state.namespaces.get(namespace) else { return Vec::new() };
        let mut names: Vec<_> = namespace
            .entries
            .iter()
            .filter(|(_, entry)| entry.slot.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        names.sort_unstable();
        names
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn entry(&mut self, namespace: &str, name: &str) -> Option<&mut Entry> {
        self.namespaces.get_mut(namespace)?.entries.get_mut(name)
    }

    fn names(&self, namespace: &str, name: Option<&str>) -> Vec<String> {
        let Some(namespace) = self.namespaces.get(namespace) else { return Vec::new() };
        match name {
            Some(name) => namespace
                .entries
                .get_key_value(name)
                .map(|(it, _)| it.clone())
                .into_iter()
                .collect(),
            None => namespace.entries.keys().cloned().collect(),
        }
    }

    /// `revision`: what is known of the version of an object that is gone.
    fn apply(
        &mut self,
        namespace: &str,
        name: &str,
        sent: Option<Sent>,
        record: Option<&Arc<Record>>,
        revision: Option<u64>,
    ) {
        let revision = record.map(|record| record.revision()).or(revision);
        let tick = self.tick + 1;
        let namespace = self.namespaces.entry(namespace.to_owned()).or_default();
        if !namespace.entries.contains_key(name)
            && namespace.entries.len() >= SPARE + 2 * namespace.subscribed
        {
            namespace.entries.retain(|_, entry| entry.subscribers > 0);
        }
        let entry = namespace.entries.entry(name.to_owned()).or_default();
        let undisputed = sent.is_some_and(|sent| entry.updated <= sent.0);
        let newer = revision.is_some_and(|revision| revision > entry.revision);
        if !undisputed && !newer {
            return;
        }
        entry.refuted = false;
        entry.updated = tick;
        self.tick = tick;
        if let Some(absurd) = record.and_then(|record| record.absurd_duration()).filter(|_| newer) {
            tracing::warn!(
                lease = name,
                leaseDurationSeconds = absurd,
                "a Lease has a duration that cannot be meant; our own is used instead"
            );
        }
        entry.revision = revision.unwrap_or(entry.revision);
        if entry.record.as_deref() != record.map(|record| &**record) || entry.untold() {
            entry.record = record.cloned();
            entry.tell();
        }
    }
}

impl Entry {
    fn untold(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| slot.borrow().changes == 0)
    }

    fn tell(&self) {
        if let Some(slot) = &self.slot {
            slot.send_modify(|slot| {
                slot.record.clone_from(&self.record);
                slot.changes += 1;
            });
        }
    }

    fn cover(&mut self) {
        self.covered = true;
        if self.untold() {
            self.tell();
        }
    }
}
