//! 5.02: dropping the guard frees the lock, or it expires.

use std::sync::Arc;
use std::time::Duration;

use dsync::Lock;
use tokio::time::{Instant, timeout};

use super::common::{hand_off_bound, ok, unhurried, unhurried_dsync};
use crate::context::{Case, Outcome};
use crate::tasks::now;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    for _ in 0..case.rounds(6) {
        case.count();
        let resource = case.resource();
        let (owner, waiter) =
            (unhurried_dsync(&case, "owner").await?, unhurried_dsync(&case, "waiter").await?);
        let (first, second) = (
            ok(&case, "lock", owner.lock_of(&resource))?,
            ok(&case, "lock", waiter.lock_of(&resource))?,
        );
        let guard = ok(&case, "lock", first.lock().await)?;
        let held = ok(&case, "try_lock", second.try_lock().await)?;
        if held.is_some() {
            return Err(case.fail("try_lock of another got a lock that is held"));
        }
        let from = now();
        drop(guard);
        taken(&case, &second, from, "its guard was dropped").await?;

        // The same when nothing of the process is left but what runs in the background.
        let guard = ok(&case, "lock", first.lock().await)?;
        let from = now();
        drop(guard);
        drop(first);
        drop(owner);
        taken(&case, &second, from, "its guard and everything of its Dsync were dropped").await?;
    }
    Ok(())
}

async fn taken(case: &Case, lock: &Lock, from: Instant, what: &str) -> Outcome {
    let timing = unhurried(case);
    let bound = case.longest(timing.lease_duration())
        + 3 * timing.retry_period()
        + 2 * timing.request_timeout();
    let Ok(guard) = timeout(bound + Case::PATIENCE, lock.lock()).await else {
        return Err(case.fail(format!("{what}, and no other handle could lock it any more")));
    };
    let guard = ok(case, "lock", guard)?;
    let took = now().saturating_duration_since(from);
    case.in_time(from, now(), from + bound, |late| {
        format!("{what}, and it took {took:?} until another had the lock, {late:?} too long")
    })?;
    if took > hand_off_bound(case) + Duration::from_millis(100) {
        case.hint(format!("{what}, and it took {took:?} until another had the lock: it expired"));
    }
    ok(case, "unlock", guard.unlock().await)
}
