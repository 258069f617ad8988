use std::time::Duration;

use super::{Holder, Lease, Version};
use crate::FencingToken;

/// A request for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The candidate. The nonce in it is new for every attempt. Store the holder as it is.
    pub holder: Holder,
    /// The duration of the lease. It must not expire before the start of the call plus this.
    pub duration: Duration,
    /// The version at which the record was free or had expired. With
    /// [`Expiry::Observer`](super::Expiry::Observer), take the record if it is still at this
    /// version, even if it has a holder. `Backend` stores ignore it.
    pub take_over: Option<Version>,
    /// The highest fencing token of this key that the candidate has seen. A store that may have
    /// forgotten its counter must grant a higher one.
    pub token_floor: FencingToken,
}

impl Claim {
    /// Returns a claim that takes no record over and has seen no token.
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

    /// Sets the highest fencing token of the key that the candidate has seen.
    #[must_use]
    pub fn with_token_floor(mut self, floor: FencingToken) -> Self {
        self.token_floor = floor;
        self
    }
}

/// The answer to [`acquire`](super::Driver::acquire).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The claim has the lease. Its token is that of this acquisition.
    Won(Lease),
    /// The lease was not free, or the record had another version. Nothing was written. The record
    /// is `Some` if the answer of the store showed it; a driver does not read again for it.
    Held(Option<Lease>),
}

/// The answer to [`renew`](super::Driver::renew).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The lease is extended. This is the record now.
    Kept(Lease),
    /// Another holder has the lease, or none. The record is `Some` if the answer showed it.
    Lost(Option<Lease>),
    /// The record changed, but the lease may not be lost: another program may have edited a label.
    /// Nothing was written. The core reads at once.
    Conflict,
}

/// The answer to [`release`](super::Driver::release).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The lease was held, and is free now.
    Freed,
    /// Another holder has the lease, or none. Nothing was written.
    NotHeld,
    /// The record changed, but the lease may still be held. Nothing was written. The core reads
    /// and tries again.
    Conflict,
}
