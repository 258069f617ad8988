use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::FencingToken;

/// A number that is drawn anew for every attempt to acquire.
///
/// It tells a candidate's own attempts apart: from those of another process with the same name,
/// from those of its own predecessor before a restart, and from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(u64);

impl Nonce {
    /// A nonce from a random number.
    #[must_use]
    pub fn new(random: u64) -> Self {
        Self(random)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The identity in a record, as it is stored: `<instance>_<nonce>`, the convention of client-go.
///
/// Two holders are the same only if the whole text is. A holder that another program wrote may
/// have any form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(Arc<str>);

impl Holder {
    /// The holder of one attempt of `instance`.
    #[must_use]
    pub fn new(instance: &str, nonce: Nonce) -> Self {
        Self(format!("{instance}_{nonce}").into())
    }

    /// The holder that a store has on record.
    #[must_use]
    pub fn from_wire(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The instance that holds: the text before the last `_`, or all of it.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.0.rsplit_once('_').map_or(&*self.0, |(instance, _)| instance)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// From any text that the driver understands.
            #[must_use]
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text again.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque! {
    /// The store's compare-and-swap token of a record. Opaque to the core, which only compares it
    /// for equality and hands it back. It differs for every acquisition, also across deletion and
    /// re-creation; on stores with [`Expiry::Observer`](super::Expiry::Observer) it changes with
    /// every renewal as well.
    Version
}

opaque! {
    /// What changes with every acquire and renew, and with nothing else.
    ///
    /// A pulse that does not change for the record's duration is a dead holder. An edited
    /// annotation changes the [`Version`] but not the pulse, so it cannot keep a dead leader
    /// alive. Stores with [`Expiry::Backend`](super::Expiry::Backend) may use the holder.
    Pulse
}

/// A record of the store: who holds the key, for how long, at which version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// Who holds it. `None`: it was released and is free.
    pub holder: Option<Holder>,
    /// The duration in the record. Rivals respect it, whatever their own setting. `None`: the
    /// record does not say, and an observer uses its own.
    pub duration: Option<Duration>,
    /// The compare-and-swap token of the record as it is now.
    pub version: Version,
    /// What changes with every acquire and renew, and with nothing else.
    pub pulse: Pulse,
    /// From `acquire`: the token of this acquisition. From a read or a watch: the store's current
    /// one, which is not lower than any token granted so far.
    pub fencing_token: FencingToken,
    /// How much of the lease is left, where the store knows it.
    pub remaining: Option<Duration>,
    /// When it was last renewed by the holder's wall clock, where the store records it. For
    /// people; nothing is decided by it.
    pub renewed_at: Option<SystemTime>,
}

impl Lease {
    /// A record that `holder` holds for `duration`.
    #[must_use]
    pub fn held(
        holder: Holder,
        duration: Duration,
        version: Version,
        pulse: Pulse,
        fencing_token: FencingToken,
    ) -> Self {
        Self {
            holder: Some(holder),
            duration: Some(duration),
            version,
            pulse,
            fencing_token,
            remaining: None,
            renewed_at: None,
        }
    }

    /// A record that is kept although it was released.
    #[must_use]
    pub fn vacant(version: Version, pulse: Pulse, fencing_token: FencingToken) -> Self {
        Self {
            holder: None,
            duration: None,
            version,
            pulse,
            fencing_token,
            remaining: None,
            renewed_at: None,
        }
    }

    /// Says how much of the lease is left.
    #[must_use]
    pub fn with_remaining(mut self, remaining: Duration) -> Self {
        self.remaining = Some(remaining);
        self
    }

    /// Says when it was last renewed, by the holder's wall clock.
    #[must_use]
    pub fn with_renewed_at(mut self, at: SystemTime) -> Self {
        self.renewed_at = Some(at);
        self
    }

    /// Whether `holder` holds this record.
    #[must_use]
    pub fn is_held_by(&self, holder: &Holder) -> bool {
        self.holder.as_ref() == Some(holder)
    }
}
