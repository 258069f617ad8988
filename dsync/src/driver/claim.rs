use std::time::Duration;

use super::{Holder, Lease, Version};
use crate::FencingToken;

/// A request for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Who asks. The nonce in it is new for every attempt; store the holder as it is.
    pub holder: Holder,
    /// For how long. The lease must not expire earlier than the start of the call plus this.
    pub duration: Duration,
    /// The version that the record had when the core last saw it free, or last saw it change
    /// before its duration ran out. With [`Expiry::Observer`](super::Expiry::Observer): take the
    /// record if it is still at this version, whoever holds it. `Backend` stores ignore it.
    pub take_over: Option<Version>,
    /// The highest fencing token that was seen of this key. A store that may have forgotten its
    /// counter must grant a higher one.
    pub token_floor: FencingToken,
}

impl Claim {
    /// A claim that takes nothing over and knows of no earlier token.
    #[must_use]
    pub fn new(holder: Holder, duration: Duration) -> Self {
        Self { holder, duration, take_over: None, token_floor: FencingToken::ZERO }
    }

    /// Allows the claim to take over a record that is still at `version`.
    #[must_use]
    pub fn with_take_over(mut self, version: Option<Version>) -> Self {
        self.take_over = version;
        self
    }

    /// Tells the store the highest fencing token that was seen of the key.
    #[must_use]
    pub fn with_token_floor(mut self, floor: FencingToken) -> Self {
        self.token_floor = floor;
        self
    }
}

/// The answer to [`acquire`](super::Driver::acquire).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The lease is mine; its token is that of this acquisition.
    Won(Lease),
    /// It was not free, or not at the expected version any more. Nothing was written. The record
    /// is told where the answer carried it; a driver does not read again for it.
    Held(Option<Lease>),
}

/// The answer to [`renew`](super::Driver::renew).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The lease is extended; this is the record now.
    Kept(Lease),
    /// It is not mine any more. The record is told where the answer carried it.
    Lost(Option<Lease>),
    /// The record changed, but it is not known to be lost: somebody may have edited a label.
    /// Nothing was written. The core reads at once.
    Conflict,
}

/// The answer to [`release`](super::Driver::release).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The lease was mine, and is free now.
    Freed,
    /// It was not mine (any more). Nothing was written.
    NotHeld,
    /// The record changed, but it may still be mine. Nothing was written. The core reads and
    /// tries again.
    Conflict,
}
