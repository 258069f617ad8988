//! What a candidate knows of the record, and when it counts as expired.
//!
//! On a store without an expiry of its own, each observer decides that a holder is dead when it has
//! seen the same pulse for the record's duration *on its own clock*. It never compares clocks:
//! times in the record are not read, and an offset between two machines does not matter.

use std::time::Duration;

use crate::driver::{Expiry, Lease, Pulse};
use crate::env::Instant;

/// The record as this candidate last saw it.
#[derive(Clone, Debug, Default)]
pub(crate) enum View {
    /// Not seen yet, or not since it is known to have changed.
    #[default]
    Unknown,
    /// There is no record, and no lease has to be waited for after `free_at`.
    Absent { free_at: Instant },
    /// It was released at this version.
    Vacant { lease: Lease, since: Instant },
    /// It has a holder, until `expires_at` as far as is known.
    Held { lease: Lease, first_seen: Instant, expires_at: Instant },
}

/// When a record was first seen with its present pulse. Kept when a tenure ends, so that the next
/// one of the same key sees a dead holder expire.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pulse: Pulse,
    first_seen: Instant,
}

impl Sighting {
    /// Returns the better of two: that of the newer holder, or the earlier one of the same holder.
    pub(crate) fn merge(self, older: Option<Self>) -> Self {
        match older {
            Some(older) if older.pulse == self.pulse => {
                Self { first_seen: older.first_seen.min(self.first_seen), ..self }
            }
            _ => self,
        }
    }
}

impl View {
    /// Returns the view after the record was seen as `seen`.
    ///
    /// `own_duration` replaces a duration that the record does not have. `release_keeps_record`: a
    /// record that vanishes was deleted by an operator. `earlier`: the sighting that was kept when
    /// the view was last discarded.
    pub(crate) fn after(
        self,
        seen: Option<Lease>,
        now: Instant,
        expiry: Expiry,
        own_duration: Duration,
        release_keeps_record: bool,
        earlier: Option<&Sighting>,
    ) -> Self {
        // 1. No record. What was known decides when the key is free.
        let Some(lease) = seen else {
            return match self {
                // Seen before: the wait that was found then goes on.
                Self::Absent { free_at } => Self::Absent { free_at },
                Self::Held { lease, expires_at, .. } if release_keeps_record => {
                    // An operator deleted it, and its holder may still run. The holder may have
                    // renewed just before, unseen, so its lease counts from now. Counted from the
                    // last sighting, two terms could overlap.
                    let free_at = match expiry {
                        Expiry::Observer => now + lease.duration.unwrap_or(own_duration),
                        Expiry::Backend => expires_at,
                    };
                    Self::Absent { free_at }
                }
                _ => Self::Absent { free_at: now },
            };
        };
        // 2. A record without a holder is free since it was first seen at this version.
        if lease.holder.is_none() {
            let since = match self {
                Self::Vacant { lease: known, since } if known.version == lease.version => since,
                _ => now,
            };
            return Self::Vacant { lease, since };
        }
        // 3. A record with a holder expires a duration after its pulse was first seen.
        let duration = lease.duration.unwrap_or(own_duration);
        // A holder is alive while its pulse changes. The version also changes when an operator
        // edits a label: counting by the version, an annotation that is written every few seconds
        // would keep a dead leader alive.
        let first_seen = match (&self, earlier) {
            (Self::Held { lease: known, first_seen, .. }, _) if known.pulse == lease.pulse => {
                *first_seen
            }
            // Seen with this pulse before the view was discarded: a `try_lock` that is called again
            // and again has a new view each time, and would never see a dead holder expire.
            (Self::Unknown, Some(earlier)) if earlier.pulse == lease.pulse => earlier.first_seen,
            _ => now,
        };
        let expires_at = match expiry {
            // The record's own duration, not that of this candidate: the holder counts with what it
            // claimed.
            Expiry::Observer => first_seen + duration,
            // The store decides. This is only when an attempt is worth its cost.
            Expiry::Backend => now + lease.remaining.unwrap_or(duration),
        };
        Self::Held { lease, first_seen, expires_at }
    }

    /// Returns since when the holder has not moved.
    pub(crate) fn sighting(&self) -> Option<Sighting> {
        match self {
            Self::Held { lease, first_seen, .. } => {
                Some(Sighting { pulse: lease.pulse.clone(), first_seen: *first_seen })
            }
            _ => None,
        }
    }

    /// Returns the record, if there is one.
    pub(crate) fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Vacant { lease, .. } | Self::Held { lease, .. } => Some(lease),
            Self::Unknown | Self::Absent { .. } => None,
        }
    }
}
