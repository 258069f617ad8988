use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::FencingToken;

/// A random number that is drawn for every attempt to acquire.
///
/// It distinguishes the attempts of a candidate from those of another process with the same name,
/// from those of the same process before a restart, and from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(u64);

impl Nonce {
    /// Makes a nonce from a random number.
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

/// The holder in a record, as it is stored: `<instance>_<nonce>`, the convention of client-go.
///
/// Two holders are equal only if their whole texts are. A holder that another program wrote may
/// have any form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(Arc<str>);

impl Holder {
    /// Makes the holder of one attempt of `instance`.
    #[must_use]
    pub fn new(instance: &str, nonce: Nonce) -> Self {
        Self(format!("{instance}_{nonce}").into())
    }

    /// Makes a holder from the text in a record.
    #[must_use]
    pub fn from_wire(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the instance: the text before the last `_`, or all of it.
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
            /// Makes one from any text that the driver understands.
            #[must_use]
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text.
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
    /// The compare-and-swap token of a record. The core only compares it for equality and passes
    /// it back. It differs for every acquisition, also across deletion and
    /// re-creation; on stores with [`Expiry::Observer`](super::Expiry::Observer) it changes with
    /// every renewal as well.
    Version
}

opaque! {
    /// A sign of life: a text that changes with every acquire and renew, and with nothing else.
    ///
    /// A holder whose pulse does not change for the record's duration is dead. An edited
    /// annotation changes the [`Version`] but not the pulse, so it cannot keep a dead leader
    /// alive. Stores with [`Expiry::Backend`](super::Expiry::Backend) may use the holder.
    Pulse
}

/// A record in the store: the holder of a key, the duration of its lease, and the version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The holder. `None` if the lease was released and is free.
    pub holder: Option<Holder>,
    /// The duration in the record. Rivals wait for it rather than for their own. `None` if the
    /// record has none; then an observer uses its own.
    pub duration: Option<Duration>,
    /// The compare-and-swap token of the record as it is now.
    pub version: Version,
    /// The sign of life of the holder.
    pub pulse: Pulse,
    /// From `acquire`, the token of this acquisition. From a read or a watch, the current one of
    /// the store, which is not lower than any token granted so far.
    pub fencing_token: FencingToken,
    /// How much of the lease is left, if the store knows.
    pub remaining: Option<Duration>,
    /// When the lease was last renewed by the holder's wall clock, if the store records it. For
    /// people: no decision depends on it.
    pub renewed_at: Option<SystemTime>,
}

impl Lease {
    /// Makes a record that `holder` holds for `duration`.
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

    /// Makes a record without a holder, which was released and kept.
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

    /// Sets how much of the lease is left.
    #[must_use]
    pub fn with_remaining(mut self, remaining: Duration) -> Self {
        self.remaining = Some(remaining);
        self
    }

    /// Sets when the lease was last renewed, by the holder's wall clock.
    #[must_use]
    pub fn with_renewed_at(mut self, at: SystemTime) -> Self {
        self.renewed_at = Some(at);
        self
    }

    /// Returns whether `holder` holds this record.
    #[must_use]
    pub fn is_held_by(&self, holder: &Holder) -> bool {
        self.holder.as_ref() == Some(holder)
    }
}
