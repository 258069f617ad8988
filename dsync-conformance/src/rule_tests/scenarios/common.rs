//! What several scenarios need: answers without errors, long leases, and a thief.

use std::time::Duration;

use dsync::driver::{Key, Released};
use dsync::{Config, Dsync, Result, Timing};

use crate::context::{Case, Outcome, Peer};

/// What the core answered, or a failure.
pub(super) fn ok<T>(case: &Case, what: &str, result: Result<T>) -> Outcome<T> {
    result.map_err(|error| {
        case.fail(format!("{what} answered an error although nothing is wrong: {error}"))
    })
}

/// A lease long enough to distinguish a hand-off from an expiry on this machine.
pub(super) fn unhurried(case: &Case) -> Timing {
    let least = if case.is_in_memory() { Duration::ZERO } else { Duration::from_secs(4) };
    Timing::new(case.lease.max(least))
}

/// A handle with such a lease.
pub(super) async fn unhurried_dsync(case: &Case, instance: &str) -> Outcome<Dsync> {
    case.dsync_with(instance, |config: Config| config.with_timing(unhurried(case))).await
}

/// How long a hand-off may take: a retry and two requests, with room for a crowd and a busy
/// machine, and far below the lease duration.
pub(super) fn hand_off_bound(case: &Case) -> Duration {
    let timing = unhurried(case);
    timing.retry_period() + 2 * timing.request_timeout() + case.slack()
}

/// Frees a record without its holder, through a driver.
pub(super) async fn steal(case: &Case, thief: &Peer, key: &Key) -> Outcome {
    for _ in 0..5 {
        let Some(lease) = thief.read(key).await? else { return Ok(()) };
        if lease.holder.is_none() || thief.release(key, &lease).await? == Released::Freed {
            return Ok(());
        }
    }
    Err(case.fail(format!("{key} could not be released with what was just read, five times")))
}
