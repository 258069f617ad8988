//! Rules that are shown by directed scenarios: the core over a driver that works, or several
//! calls of the driver in a row. They run in either time.

mod deaf;
mod elected_again;
mod elected_in_time;
mod gave_up;
mod guard_dropped;
mod hand_off;
mod increasing;
mod leftovers;
mod shutdown;
mod survives_delete;
mod token_in_term;
mod try_lock;
mod wake_ups;

use std::time::Duration;

use dsync::driver::{Key, Released};
use dsync::{Config, Dsync, Result, Timing};

use crate::context::RuleTest;
use crate::context::case::{Case, Outcome};
use crate::context::peer::Peer;

/// The test of a rule that is shown by a scenario.
pub(crate) fn rule_test(id: &str) -> Option<RuleTest> {
    Some(match id {
        "3.01" => |case| Box::pin(increasing::test(case)),
        "3.02" => |case| Box::pin(token_in_term::test(case)),
        "3.03" => |case| Box::pin(survives_delete::test(case)),
        "4.01" => |case| Box::pin(elected_in_time::test(case)),
        "4.02" => |case| Box::pin(hand_off::test(case)),
        "4.06" => |case| Box::pin(elected_again::test(case)),
        "5.02" => |case| Box::pin(guard_dropped::test(case)),
        "5.03" => |case| Box::pin(try_lock::test(case)),
        "5.04" => |case| Box::pin(gave_up::test(case)),
        "5.05" => |case| Box::pin(wake_ups::test(case)),
        "6.02" => |case| Box::pin(leftovers::test(case)),
        "6.03" => |case| Box::pin(shutdown::test(case)),
        _ => return None,
    })
}

/// What the core answered, or a failure.
fn ok<T>(case: &Case, what: &str, result: Result<T>) -> Outcome<T> {
    result.map_err(|error| {
        case.fail(format!("{what} answered an error although nothing is wrong: {error}"))
    })
}

/// A lease so long that a hand-off is told from an expiry, on this machine.
fn unhurried(case: &Case) -> Timing {
    let least = if case.is_in_memory() { Duration::ZERO } else { Duration::from_secs(4) };
    Timing::new(case.lease.max(least))
}

/// A handle with such a lease.
async fn unhurried_dsync(case: &Case, instance: &str) -> Outcome<Dsync> {
    case.dsync_with(instance, |config: Config| config.with_timing(unhurried(case))).await
}

/// How long a hand-off may take: a retry and two requests, with room for a crowd and a busy
/// machine, and far below the lease duration.
fn hand_off_bound(case: &Case) -> Duration {
    let timing = unhurried(case);
    timing.retry_period() + 2 * timing.request_timeout() + case.slack()
}

/// Somebody frees a record behind its holder's back, through a driver.
async fn steal(case: &Case, thief: &Peer, key: &Key) -> Outcome {
    for _ in 0..5 {
        let Some(lease) = thief.read(key).await? else { return Ok(()) };
        if lease.holder.is_none() || thief.release(key, &lease).await? == Released::Freed {
            return Ok(());
        }
    }
    Err(case.fail(format!("{key} could not be released with what was just read, five times")))
}
