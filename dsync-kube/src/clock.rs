//! The only place that reads a clock.

use jiff::Timestamp;
use tokio::time::Instant;

/// Returns the wall-clock time, which is written into records for people and for other clients. No
/// decision depends on it.
#[expect(clippy::disallowed_methods, reason = "it is written to `renewTime` and `acquireTime`")]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}

/// Returns the time on the monotonic clock of the sweep and of the shared watch. No lease depends on
/// it.
#[expect(clippy::disallowed_methods, reason = "this module owns the clock of the driver")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
