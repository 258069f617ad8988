//! How long the machine was suspended.
//!
//! The clock of the standard library and of tokio stands still while a machine sleeps or a
//! virtual machine is suspended, on Linux and on Apple's systems. A leader that wakes up would
//! believe its lease to be fresh. So the growth of the difference between a clock that counts
//! suspended time and one that does not is added to every reading.
//! On Windows the standard clock counts suspended time itself; elsewhere the difference is taken
//! to be zero.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Two readings that belong together may differ by this much without a suspension.
const NOISE: Duration = Duration::from_millis(2);

/// Counts suspended time from its creation on. It never goes back.
#[derive(Debug)]
pub(super) struct Suspended {
    at_start: Duration,
    /// Nanoseconds. Raised only by what exceeds the noise of a sample, so that the sum of both
    /// clocks does not go back from one reading to the next.
    counted: AtomicU64,
}

impl Suspended {
    pub(super) fn new() -> Self {
        Self { at_start: sample(), counted: AtomicU64::new(0) }
    }

    pub(super) fn duration(&self) -> Duration {
        let counted = Duration::from_nanos(self.counted.load(Ordering::Acquire));
        let sampled = sample().saturating_sub(self.at_start);
        if sampled <= counted + NOISE {
            return counted;
        }
        let sampled = u64::try_from(sampled.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.counted.fetch_max(sampled, Ordering::AcqRel).max(sampled))
    }
}

/// The time since boot that the machine was suspended, give or take a millisecond.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn sample() -> Duration {
    use rustix::time::ClockId;

    // The thread may be descheduled between two readings. The outer two then lie far apart, and
    // the sample is repeated. The best of a few is good enough on a machine that is so busy.
    let mut best = (Duration::MAX, Duration::ZERO);
    for _ in 0..8 {
        let before = read(ClockId::Monotonic);
        let boot = read(ClockId::Boottime);
        let after = read(ClockId::Monotonic);
        let spread = after.saturating_sub(before);
        if spread < best.0 {
            best = (spread, boot.saturating_sub(before));
        }
        if spread < Duration::from_millis(1) {
            break;
        }
    }
    best.1
}

/// Apple's `CLOCK_MONOTONIC` counts suspended time, the standard library's clock does not.
#[cfg(target_vendor = "apple")]
fn sample() -> Duration {
    use std::sync::OnceLock;

    static START: OnceLock<(std::time::Instant, Duration)> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "this module is a part of the clock")]
    let now = std::time::Instant::now();
    let counting = read(rustix::time::ClockId::Monotonic);
    let (started, counting_at_start) = *START.get_or_init(|| (now, counting));
    counting
        .saturating_sub(counting_at_start)
        .saturating_sub(now.saturating_duration_since(started))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn sample() -> Duration {
    Duration::ZERO
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn read(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_awake_counts_nothing() {
        let suspended = Suspended::new();
        for _ in 0..1_000 {
            assert_eq!(suspended.duration(), Duration::ZERO);
        }
    }

    #[test]
    fn a_suspension_counts_and_is_never_taken_back() {
        let now = sample();
        let earlier = Duration::from_secs(3);
        let suspended =
            Suspended { at_start: now.saturating_sub(earlier), counted: AtomicU64::new(0) };
        if now < earlier {
            // The machine has slept less than that since boot: pretend by the counter instead.
            suspended.counted.store(3_000_000_000, Ordering::Release);
        }
        assert!(suspended.duration() >= earlier.saturating_sub(NOISE));
        let counted = suspended.duration();
        assert!(suspended.duration() >= counted);
    }
}
