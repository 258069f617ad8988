//! The newest known object of each key, from the answers to requests and from the watch.
//!
//! A replacement needs the whole object; the cache saves a read before each write. No decision relies
//! on it: its objects are only ever written back on condition that the server still has them at that
//! version.
//!
//! Answers and events arrive in any order, so each update has to prove that it is not older than what
//! is known ([`State::apply`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dsync::Error;
use dsync::driver::{Key, Version};
use tokio::sync::watch;

use crate::record::Record;

/// When a namespace has this many objects without subscribers, they are dropped.
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

/// When a request was sent, counted in updates of the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent(u64);

#[derive(Debug, Default)]
struct Entry {
    record: Option<Arc<Record>>,
    /// The highest resourceVersion that was seen, including that of a deleted object.
    revision: u64,
    /// The tick of the last update.
    updated: u64,
    /// A write at this version was refused, so the server has another version.
    refuted: bool,
    /// The key was read or listed after the watch began to cover it: no change was missed.
    covered: bool,
    subscribers: usize,
    slot: Option<watch::Sender<Slot>>,
}

/// The state that the streams of one key see. Only the latest is kept: a slow stream skips states.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) record: Option<Arc<Record>>,
    /// Counts the changes of `record`. Zero means that the record is not known yet.
    pub(crate) changes: u64,
    /// Counts the heartbeats of the watch.
    pub(crate) beats: u64,
    pub(crate) end: Option<Error>,
}

impl Cache {
    /// Returns the time stamp of a request. To be called before the request is sent.
    pub(crate) fn sending(&self) -> Sent {
        Sent(self.lock().tick)
    }

    /// Returns the object to replace, unless the server is known to have another version.
    pub(crate) fn usable(&self, key: &Key) -> Option<Arc<Record>> {
        let state = self.lock();
        let entry = state.namespaces.get(key.namespace())?.entries.get(key.name())?;
        entry.record.clone().filter(|_| !entry.refuted)
    }

    /// Returns the object if it has `version`.
    pub(crate) fn at(&self, key: &Key, version: &Version) -> Option<Arc<Record>> {
        self.usable(key).filter(|record| record.version() == *version)
    }

    /// Applies the answer to a request that was sent at `sent`.
    ///
    /// The answer counts if the key was not updated since the request was sent, because answers are
    /// linearizable. It then counts even at a lower version, which a restored backup brings back.
    /// Otherwise it counts if its version is higher.
    pub(crate) fn answered(&self, key: &Key, sent: Sent, record: Option<&Arc<Record>>) {
        self.lock().apply(key.namespace(), key.name(), Some(sent), record, None);
    }

    /// Applies the deletion of the object at `revision`, by a request that was sent at `sent`.
    pub(crate) fn deleted(&self, key: &Key, sent: Sent, revision: u64) {
        self.lock().apply(key.namespace(), key.name(), Some(sent), None, Some(revision));
    }

    /// Notes that a write at `version` was refused.
    pub(crate) fn refute(&self, key: &Key, version: &Version) {
        let mut state = self.lock();
        if let Some(entry) = state.entry(key.namespace(), key.name())
            && entry.record.as_ref().is_some_and(|record| record.version() == *version)
        {
            entry.refuted = true;
        }
    }

    /// Applies an event of the watch. Events of unknown keys are dropped.
    pub(crate) fn event(&self, namespace: &str, record: &Arc<Record>, deleted: bool) {
        let mut state = self.lock();
        let name = record.name();
        if state.entry(namespace, name).is_some() {
            let revision = record.revision();
            let record = (!deleted).then_some(record);
            state.apply(namespace, name, None, record, Some(revision));
        }
    }

    /// Subscribes to `key`. Returns whether the watch already covers it.
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

    /// Undoes [`subscribe`](Self::subscribe). Returns how many keys of the namespace still have
    /// subscribers, and whether this key is one of them.
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

    /// Notes that the watch covers the key from now on, and that it was read after that.
    pub(crate) fn cover(&self, namespace: &str, name: &str) {
        if let Some(entry) = self.lock().entry(namespace, name) {
            entry.cover();
        }
    }

    /// Applies a list of `name`, or of the whole namespace, from which the watch continues.
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

    /// Reports that the watch of `name`, or of the whole namespace, works.
    pub(crate) fn beat(&self, namespace: &str, name: Option<&str>) {
        let mut state = self.lock();
        for known in state.names(namespace, name) {
            if let Some(slot) = state.entry(namespace, &known).and_then(|entry| entry.slot.as_ref())
            {
                slot.send_modify(|slot| slot.beats += 1);
            }
        }
    }

    /// Ends the streams of `name`, or of the whole namespace, with `error`.
    pub(crate) fn end(&self, namespace: &str, name: Option<&str>, error: &Error) {
        let mut state = self.lock();
        for known in state.names(namespace, name) {
            if let Some(entry) = state.entry(namespace, &known) {
                entry.covered = false;
                // Later streams get a new slot, and a new watch.
                if let Some(slot) = entry.slot.take() {
                    slot.send_modify(|slot| slot.end = Some(error.clone()));
                }
            }
        }
    }

    /// Returns the names in `namespace` that have subscribers.
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

    /// Applies what was learned about a key, if it is not older than what is known.
    ///
    /// `sent` is the time stamp of the request; an event has none. `revision` is the version at which
    /// an object was deleted.
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
        // 1. An answer to a request that was sent after the last update reflects a later state.
        let undisputed = sent.is_some_and(|sent| entry.updated <= sent.0);
        // 2. Otherwise the versions decide. An answer without a version ("not found") that overlaps
        //    with another update proves nothing, and neither does an event that is late.
        let newer = revision.is_some_and(|revision| revision > entry.revision);
        if !undisputed && !newer {
            return;
        }
        entry.refuted = false;
        entry.updated = tick;
        self.tick = tick;
        if let Some(unusable) =
            record.and_then(|record| record.unusable_duration()).filter(|_| newer)
        {
            tracing::warn!(
                lease = name,
                leaseDurationSeconds = unusable,
                "Lease has an unusable duration; the configured one is used instead"
            );
        }
        entry.revision = revision.unwrap_or(entry.revision);
        if entry.record.as_deref() != record.map(|record| &**record) || entry.is_unpublished() {
            entry.record = record.cloned();
            entry.publish();
        }
    }
}

impl Entry {
    /// Whether the streams have not seen any state yet.
    fn is_unpublished(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| slot.borrow().changes == 0)
    }

    fn publish(&self) {
        if let Some(slot) = &self.slot {
            slot.send_modify(|slot| {
                slot.record.clone_from(&self.record);
                slot.changes += 1;
            });
        }
    }

    fn cover(&mut self) {
        self.covered = true;
        if self.is_unpublished() {
            self.publish();
        }
    }
}
