//! 5.05: every waiter is woken.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsync::{LockGuard, Resource};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::common::{hand_off_bound, ok, unhurried, unhurried_dsync};
use crate::context::{Case, Outcome};
use crate::tasks::now;

const PROCESSES: usize = 3;
const WAITERS_EACH: usize = 2;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let resource = case.resource();
    let freed: Arc<Mutex<Option<Instant>>> = Arc::default();
    let times = case.rounds(4);
    let mut waiters = JoinSet::new();
    for process in 0..PROCESSES {
        let dsync = unhurried_dsync(&case, &format!("process-{process}")).await?;
        for _ in 0..WAITERS_EACH {
            let (case, freed) = (Arc::clone(&case), Arc::clone(&freed));
            let (dsync, resource) = (dsync.clone(), resource.clone());
            waiters.spawn(async move {
                for _ in 0..times {
                    let guard = woken(&case, &dsync, &resource, &freed).await?;
                    sleep(Duration::from_millis(2)).await;
                    ok(&case, "unlock", guard.unlock().await)?;
                    *freed.lock().unwrap_or_else(PoisonError::into_inner) = Some(now());
                }
                Ok(())
            });
        }
    }
    while let Some(waiter) = waiters.join_next().await {
        waiter.map_err(|error| case.fail(format!("a waiter panicked: {error}")))??;
    }
    Ok(())
}

async fn woken(
    case: &Case,
    dsync: &dsync::Dsync,
    resource: &Resource,
    freed: &Mutex<Option<Instant>>,
) -> Outcome<LockGuard> {
    case.count();
    let lock = ok(case, "lock", dsync.lock_of(resource))?;
    let limit = 6 * unhurried(case).lease_duration() + Case::PATIENCE;
    let Ok(guard) = timeout(limit, lock.lock()).await else {
        return Err(case.fail(format!("a waiter did not get the lock in {limit:?}")));
    };
    let guard = ok(case, "lock", guard)?;
    let Some(from) = freed.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        return Ok(guard);
    };
    // A crowd spreads its tries over up to 100 ms.
    let bound = hand_off_bound(case) + Duration::from_millis(100);
    case.in_time(from, now(), from + bound, |late| {
        format!(
            "{} waiters over {PROCESSES} connections, and it took {:?} from an unlock until one of \
             them had the lock, {late:?} more than the bound of {bound:?}, with a lease duration \
             of {:?}: a wake-up was lost",
            PROCESSES * WAITERS_EACH,
            now().saturating_duration_since(from),
            unhurried(case).lease_duration()
        )
    })?;
    Ok(guard)
}
