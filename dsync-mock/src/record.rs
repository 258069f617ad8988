//! One record, and the slot of its key.

use std::sync::{Arc, Weak};
use std::time::Duration;

use dsync::FencingToken;
use dsync::driver::{Holder, Lease, Pulse, Version};
use tokio::sync::Notify;
use tokio::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) holder: Option<Holder>,
    /// The holder before another leader was forced. The record no longer names it, but the key is
    /// not free before it releases it or its lease expires.
    pub(crate) deposed: Option<Holder>,
    pub(crate) duration: Duration,
    pub(crate) version: u64,
    pub(crate) pulse: u64,
    pub(crate) token: u64,
    /// When its duration has run since it was last acquired or renewed. `None`: never.
    pub(crate) runs_out: Option<Instant>,
}

impl Record {
    pub(crate) fn version(&self) -> Version {
        Version::new(self.version.to_string())
    }

    pub(crate) fn has_run_out(&self, now: Instant) -> bool {
        self.runs_out.is_some_and(|end| end <= now)
    }

    /// Returns the record as a read shows it. `timed`: it shows how much of the lease is left.
    pub(crate) fn lease(&self, timed: bool, now: Instant) -> Lease {
        let version = self.version();
        let pulse = Pulse::new(self.pulse.to_string());
        let token = FencingToken::new(self.token);
        let Some(holder) = self.holder.clone() else {
            return Lease::vacant(version, pulse, token);
        };
        let lease = Lease::held(holder, self.duration, version, pulse, token);
        match self.runs_out {
            Some(end) if timed => lease.with_remaining(end.saturating_duration_since(now)),
            _ => lease,
        }
    }
}

/// What the store knows of one key.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) record: Option<Record>,
    /// What was there before the last write, if anything was written.
    pub(crate) before: Before,
    /// The only instance that may acquire.
    pub(crate) forced: Option<String>,
    pub(crate) renewals: u64,
    pub(crate) releases: u64,
    /// The watches to wake when the key changes, in the order in which they started. Tokio's
    /// `watch` would wake them in an order that differs between runs.
    listeners: Vec<Weak<Notify>>,
}

/// What a slot held before its last write.
#[derive(Debug)]
pub(crate) enum Before {
    /// There was no write, or it was taken back.
    Unwritten,
    /// This record, or none.
    Was(Option<Record>),
}

impl Slot {
    pub(crate) fn new() -> Self {
        Self {
            record: None,
            before: Before::Unwritten,
            forced: None,
            renewals: 0,
            releases: 0,
            listeners: Vec::new(),
        }
    }

    /// Lets every watch of the key look again.
    pub(crate) fn nudge(&mut self) {
        self.listeners.retain(|listener| match listener.upgrade() {
            Some(listener) => {
                listener.notify_one();
                true
            }
            None => false,
        });
    }

    /// Keeps the record as it is before it is written.
    pub(crate) fn keep(&mut self) {
        self.before = Before::Was(self.record.clone());
    }

    /// A listener, for as long as it is kept.
    pub(crate) fn subscribe(&mut self) -> Arc<Notify> {
        let listener = Arc::new(Notify::new());
        self.listeners.push(Arc::downgrade(&listener));
        listener
    }

    pub(crate) fn admits(&self, holder: &Holder) -> bool {
        self.forced.as_deref().is_none_or(|forced| forced == holder.instance())
    }
}
