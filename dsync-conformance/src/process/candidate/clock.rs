//! The clock that all processes of a machine share.

use std::time::Duration;

/// Now, on the clock of [`Message`](super::Message): `CLOCK_MONOTONIC`, which counts from the same
/// instant in every process of a machine.
#[cfg(unix)]
#[must_use]
pub fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Never called: there are no candidates on this system.
#[cfg(not(unix))]
#[must_use]
pub fn now() -> Duration {
    Duration::ZERO
}
