//! What a candidate knows of the record.

use std::time::Duration;

use crate::driver::{Expiry, Lease, Pulse};
use crate::env::Instant;

/// The record as it was last seen.
#[derive(Clone, Debug, Default)]
pub(crate) enum View {
    /// Not seen yet, or not since it is known to have changed.
    #[default]
    Unknown,
    /// There is none, and nobody's lease is to be respected after `free_at`.
    Absent { free_at: Instant },
    /// It was released at this version.
    Vacant { lease: Lease, since: Instant },
    /// Somebody holds it, as far as is known until `expires_at`.
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
    /// The better of two: the newer holder's, and of the same holder's the earlier one.
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
    /// What is known after `seen` was seen.
    ///
    /// `own_duration` stands in where the record has no duration. `vanished`: a record that goes
    /// away was deleted by somebody else than its holder.
    pub(crate) fn after(
        self,
        seen: Option<Lease>,
        now: Instant,
        expiry: Expiry,
        own_duration: Duration,
        release_keeps_record: bool,
        earlier: Option<&Sighting>,
    ) -> Self {
        let Some(lease) = seen else {
            return match self {
                Self::Absent { free_at } => Self::Absent { free_at },
                Self::Held { lease, expires_at, .. } if release_keeps_record => {
                    // It may have been renewed just before, without our having seen it.
                    let free_at = match expiry {
                        Expiry::Observer => now + lease.duration.unwrap_or(own_duration),
                        Expiry::Backend => expires_at,
                    };
                    Self::Absent { free_at }
                }
                _ => Self::Absent { free_at: now },
            };
        };
        if lease.holder.is_none() {
            let since = match self {
                Self::Vacant { lease: known, since } if known.version == lease.version => since,
                _ => now,
            };
            return Self::Vacant { lease, since };
        }
        let duration = lease.duration.unwrap_or(own_duration);
        // A holder is alive while its pulse changes; the version may change for other reasons.
        let first_seen = match (&self, earlier) {
            (Self::Held { lease: known, first_seen, .. }, _) if known.pulse == lease.pulse => {
                *first_seen
            }
            (Self::Unknown, Some(earlier)) if earlier.pulse == lease.pulse => earlier.first_seen,
            _ => now,
        };
        let expires_at = match expiry {
            Expiry::Observer => first_seen + duration,
            Expiry::Backend => now + lease.remaining.unwrap_or(duration),
        };
        Self::Held { lease, first_seen, expires_at }
    }

    pub(crate) fn sighting(&self) -> Option<Sighting> {
        match self {
            Self::Held { lease, first_seen, .. } => {
                Some(Sighting { pulse: lease.pulse.clone(), first_seen: *first_seen })
            }
            _ => None,
        }
    }

    pub(crate) fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Vacant { lease, .. } | Self::Held { lease, .. } => Some(lease),
            Self::Unknown | Self::Absent { .. } => None,
        }
    }
}
