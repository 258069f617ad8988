//! The records of the store, and the writes: each one atomic and conditional.

use std::collections::BTreeMap;
use std::time::Duration;

use dsync::driver::{Acquired, Claim, Expiry, Holder, Key, KeyKind, Lease, Released, Renewed};
use tokio::time::Instant;

use crate::record::{Before, Record, Slot};

/// Durations are counted in these, rounded up.
pub(crate) const GRANULARITY: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Records {
    /// Whether expired records stay until a candidate takes them over.
    observer: bool,
    slots: BTreeMap<Key, Slot>,
    /// Grows with every write of the store, so no version and no pulse ever comes again.
    writes: u64,
    /// Grows with every acquisition of the store.
    tokens: u64,
}

impl Records {
    pub(crate) fn new(expiry: Expiry) -> Self {
        Self { observer: expiry == Expiry::Observer, slots: BTreeMap::new(), writes: 0, tokens: 0 }
    }

    pub(crate) fn is_observer(&self) -> bool {
        self.observer
    }

    /// The slot of `key` as it is at `now`.
    pub(crate) fn slot(&mut self, key: &Key, now: Instant) -> &mut Slot {
        let slot = self.slots.entry(key.clone()).or_insert_with(Slot::new);
        if !self.observer && slot.record.as_ref().is_some_and(|record| record.has_run_out(now)) {
            slot.record = None;
        }
        slot
    }

    pub(crate) fn nudge_all(&mut self) {
        self.slots.values_mut().for_each(Slot::nudge);
    }

    fn next_write(&mut self) -> u64 {
        self.writes += 1;
        self.writes
    }

    pub(crate) fn read(&mut self, key: &Key, now: Instant) -> Option<Lease> {
        let timed = !self.observer;
        self.slot(key, now).record.as_ref().map(|record| record.lease(timed, now))
    }

    pub(crate) fn acquire(&mut self, key: &Key, claim: &Claim, now: Instant) -> Acquired {
        let observer = self.observer;
        let slot = self.slot(key, now);
        if !slot.admits(&claim.holder) || !is_free(slot.record.as_ref(), claim, observer, now) {
            return Acquired::Held(self.read(key, now));
        }
        self.tokens = self.tokens.max(claim.token_floor.get()).saturating_add(1);
        Acquired::Won(self.put(key, claim.holder.clone(), claim.duration, now))
    }

    /// Gives the key to another program, even if it is held.
    pub(crate) fn overwrite(
        &mut self,
        key: &Key,
        holder: Holder,
        duration: Duration,
        now: Instant,
    ) {
        self.tokens = self.tokens.saturating_add(1);
        self.put(key, holder, duration, now);
    }

    fn put(&mut self, key: &Key, holder: Holder, duration: Duration, now: Instant) -> Lease {
        let timed = !self.observer;
        let write = self.next_write();
        let token = self.tokens;
        let slot = self.slot(key, now);
        slot.keep();
        let record = slot.record.insert(Record {
            holder: Some(holder),
            deposed: None,
            duration,
            version: write,
            pulse: write,
            token,
            runs_out: end(now, duration),
        });
        let lease = record.lease(timed, now);
        slot.nudge();
        lease
    }

    pub(crate) fn renew(&mut self, key: &Key, lease: &Lease, now: Instant) -> Renewed {
        let observer = self.observer;
        let write = self.next_write();
        let slot = self.slot(key, now);
        let Some(record) = slot.record.as_mut() else {
            return Renewed::Lost(None);
        };
        if record.deposed.is_some() && record.deposed == lease.holder {
            return Renewed::Lost(None);
        }
        if record.holder.is_none() || record.holder != lease.holder {
            return Renewed::Lost(Some(record.lease(!observer, now)));
        }
        if record.version() != lease.version {
            return Renewed::Conflict;
        }
        let before = record.clone();
        record.duration = lease.duration.unwrap_or(record.duration);
        record.runs_out = end(now, record.duration);
        record.pulse = write;
        if observer {
            record.version = write;
        }
        let lease = record.lease(!observer, now);
        slot.before = Before::Was(Some(before));
        slot.renewals += 1;
        slot.nudge();
        Renewed::Kept(lease)
    }

    pub(crate) fn release(&mut self, key: &Key, lease: &Lease, now: Instant) -> Released {
        let slot = self.slot(key, now);
        let (Some(record), Some(holder)) = (&slot.record, &lease.holder) else {
            return Released::NotHeld;
        };
        if record.deposed.as_ref() != Some(holder) {
            if record.holder.as_ref() != Some(holder) {
                return Released::NotHeld;
            }
            if record.version() != lease.version {
                return Released::Conflict;
            }
        }
        slot.releases += 1;
        self.free(key, now);
        Released::Freed
    }

    /// Leaves what a release leaves: a vacant record of an election where the store keeps those,
    /// else nothing.
    pub(crate) fn free(&mut self, key: &Key, now: Instant) {
        if self.observer && key.kind() == KeyKind::Election {
            self.vacate(key, now);
        } else {
            self.remove(key, now);
        }
    }

    /// Empties the holder, if there is one.
    pub(crate) fn vacate(&mut self, key: &Key, now: Instant) {
        let write = self.next_write();
        let slot = self.slot(key, now);
        if slot.record.as_ref().is_none_or(|record| record.holder.is_none()) {
            return;
        }
        slot.keep();
        let Some(record) = slot.record.as_mut() else { return };
        record.holder = None;
        record.deposed = None;
        record.runs_out = None;
        record.version = write;
        slot.nudge();
    }

    pub(crate) fn remove(&mut self, key: &Key, now: Instant) {
        let slot = self.slot(key, now);
        slot.keep();
        slot.record = None;
        slot.nudge();
    }

    /// Removes every record.
    pub(crate) fn forget(&mut self) {
        for slot in self.slots.values_mut() {
            slot.record = None;
            slot.before = Before::Unwritten;
            slot.nudge();
        }
    }

    /// Restores the record that was there before the last write. Returns `false` if there was no
    /// write.
    pub(crate) fn lose_last_write(&mut self, key: &Key, now: Instant) -> bool {
        let slot = self.slot(key, now);
        let Before::Was(before) = std::mem::replace(&mut slot.before, Before::Unwritten) else {
            return false;
        };
        slot.record = before;
        slot.nudge();
        true
    }

    /// Changes the version, and not the pulse.
    pub(crate) fn touch(&mut self, key: &Key, now: Instant) {
        let write = self.next_write();
        let slot = self.slot(key, now);
        if let Some(record) = slot.record.as_mut() {
            record.version = write;
            slot.nudge();
        }
    }

    pub(crate) fn force(&mut self, key: &Key, instance: &str, now: Instant) {
        let write = self.next_write();
        let slot = self.slot(key, now);
        slot.forced = Some(instance.to_owned());
        let Some(record) = slot.record.as_mut() else { return };
        let Some(holder) = record.holder.take_if(|holder| holder.instance() != instance) else {
            return;
        };
        record.holder = Some(Holder::from_wire(format!("{}_deposed", holder.instance())));
        // Forcing twice must not forget who may still release.
        record.deposed.get_or_insert(holder);
        record.version = write;
        slot.nudge();
    }
}

fn is_free(record: Option<&Record>, claim: &Claim, observer: bool, now: Instant) -> bool {
    match (record, claim.take_over.as_ref().filter(|_| observer)) {
        (None, None) => true,
        (Some(record), None) => record.holder.is_none(),
        // A write that is conditioned on a version fails for good once that version is gone, or
        // the core could not settle an attempt by a read.
        (None, Some(_)) => false,
        (Some(record), Some(version)) => {
            record.version() == *version && (record.deposed.is_none() || record.has_run_out(now))
        }
    }
}

/// When a lease of `duration` that is written at `now` has run out. `None`: never.
fn end(now: Instant, duration: Duration) -> Option<Instant> {
    let millis = u64::try_from(duration.as_nanos().div_ceil(GRANULARITY.as_nanos())).ok()?;
    now.checked_add(Duration::from_millis(millis.max(1)))
}
