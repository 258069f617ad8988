use std::time::Duration;

use crate::FencingToken;
use crate::driver::Holder;
use crate::env::Instant;

/// What a term begins with, as the tenure that acquired the lease grants it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) holder: Holder,
    pub(crate) token: FencingToken,
    /// The renew deadline: the term is over then, unless a renewal moves it.
    pub(crate) valid_until: Instant,
    /// Bodies that still run then are dropped.
    pub(crate) hard_deadline: Instant,
    /// The time after the hard deadline in which a poll or a drop that is in progress may return.
    pub(crate) slack: Duration,
}
