//! What broken drivers remember.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dsync::Result;
use dsync::driver::{Key, Lease};

/// What all connections share.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<Facts>);

#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What was subtracted from versions or tokens since the record was created.
    pub(super) bases: BTreeMap<Key, u64>,
    /// How often each lease was renewed.
    pub(super) renewals: BTreeMap<Key, u64>,
    /// Keys that were acquired and not released.
    pub(super) known: BTreeSet<Key>,
    pub(super) connections: u64,
    pub(super) reads: u64,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one connection has for itself.
#[derive(Debug, Default)]
pub(super) struct Own(Mutex<Memory>);

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What reads showed the last time.
    pub(super) cache: BTreeMap<Key, Option<Lease>>,
    /// Answers under way.
    pub(super) answers: VecDeque<Result<Option<Lease>>>,
    pub(super) writes: u64,
    pub(super) tokens: u64,
    pub(super) watched: BTreeSet<Key>,
    /// The lease that was written last.
    pub(super) last: Option<(Key, Lease)>,
}

impl Own {
    pub(super) fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
