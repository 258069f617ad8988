//! The only place that asks for the time.

use jiff::Timestamp;
use tokio::time::Instant;

/// The wall clock, to be written into records for people and for other clients. Nothing is
/// decided by it.
#[expect(clippy::disallowed_methods, reason = "what is written to `renewTime` and `acquireTime`")]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

/// The monotonic clock of the sweep and of the shared watch. No lease is decided by it.
#[expect(clippy::disallowed_methods, reason = "this module owns the clock of the driver")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
