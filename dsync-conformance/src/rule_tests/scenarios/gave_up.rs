//! 5.04: a caller that gave up waiting does not hold the lock.

use std::sync::Arc;

use dsync::driver::KeyKind;
use dsync::{Dsync, Resource};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::common::ok;
use crate::context::{Case, Outcome, Peer, is_free, key_of, shown};
use crate::rule_tests::cuts::{Cut, MOST_POLLS};
use crate::tasks::now;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let (owner, waiter) = (case.dsync("owner").await?, case.dsync("waiter").await?);
    let witness = case.peer().await?;
    timed_out(&case, &owner, &waiter, &witness).await?;
    at_each_poll(&case, &owner, &waiter, &witness).await?;
    as_it_is_freed(&case, &owner, &waiter, &witness).await
}

/// The lock becomes free, within a lease duration, and others can have it.
async fn comes_free(
    case: &Case,
    other: &Dsync,
    witness: &Peer,
    resource: &Resource,
    what: &str,
) -> Outcome {
    case.count();
    let key = key_of(KeyKind::Lock, resource);
    let timing = case.timing();
    let bound = case.longest(case.lease) + 2 * timing.request_timeout();
    let from = now();
    if !case.is_observer() {
        let read = loop {
            let read = witness.read(&key).await?;
            if is_free(read.as_ref()) || now() >= from + bound + case.lease {
                break read;
            }
            sleep(case.lease / 40).await;
        };
        case.in_time(from, now(), from + bound, |_| {
            format!("{what}, but one lease duration later the lock is {}", shown(read.as_ref()))
        })?;
    }
    // On an observer store, the record of an attempt that was not released stays until it is taken.
    let lock = ok(case, "lock", other.lock_of(resource))?;
    let bound = bound + 3 * timing.retry_period();
    let Ok(guard) = timeout(bound + Case::PATIENCE, lock.lock()).await else {
        return Err(case.fail(format!("{what}, but no other handle can lock it any more")));
    };
    let guard = ok(case, "lock", guard)?;
    case.in_time(from, now(), from + bound, |late| {
        format!("{what}, but another could lock it {late:?} too late")
    })?;
    ok(case, "unlock", guard.unlock().await)
}

async fn timed_out(case: &Case, owner: &Dsync, waiter: &Dsync, witness: &Peer) -> Outcome {
    let resource = case.resource();
    let lock = ok(case, "lock", owner.lock_of(&resource))?;
    let guard = ok(case, "lock", lock.lock().await)?;
    let waiting = ok(case, "lock", waiter.lock_of(&resource))?;
    for part in [4, 2, 1] {
        let wait = case.lease / part;
        let from = now();
        let late = ok(case, "lock_timeout", waiting.lock_timeout(wait).await)?;
        if late.is_some() {
            return Err(case.fail("lock_timeout got a lock that another holds"));
        }
        case.in_time(from, now(), from + wait + case.slack(), |late| {
            format!("lock_timeout({wait:?}) returned {late:?} too late")
        })?;
    }
    ok(case, "unlock", guard.unlock().await)?;
    comes_free(case, owner, witness, &resource, "a wait for the lock had timed out").await
}

/// The future of `lock()` is dropped at each of its polls, while the lock is free.
async fn at_each_poll(case: &Case, owner: &Dsync, waiter: &Dsync, witness: &Peer) -> Outcome {
    for polls in 0..MOST_POLLS {
        let resource = case.resource();
        let lock = ok(case, "lock", waiter.lock_of(&resource))?;
        let guard = timeout(Case::PATIENCE, Cut::after(polls, lock.lock())).await;
        let done = !matches!(guard, Ok(None));
        drop(guard);
        let what = format!("`lock()` was dropped after {polls} polls");
        comes_free(case, owner, witness, &resource, &what).await?;
        if done {
            return Ok(());
        }
    }
    Ok(())
}

/// Many give up at about the time at which the lock becomes free.
async fn as_it_is_freed(case: &Case, owner: &Dsync, waiter: &Dsync, witness: &Peer) -> Outcome {
    for step in 0..case.rounds(12) {
        let resource = case.resource();
        let lock = ok(case, "lock", owner.lock_of(&resource))?;
        let guard = ok(case, "lock", lock.lock().await)?;
        let mut waiting = JoinSet::new();
        for _ in 0..4 {
            let lock = ok(case, "lock", waiter.lock_of(&resource))?;
            waiting.spawn(async move { lock.lock().await.map(drop) });
        }
        sleep(case.timing().retry_period()).await;
        let unlocking = guard.unlock();
        let giving_up = async {
            sleep(case.timing().retry_period() * step / 8).await;
            waiting.shutdown().await;
        };
        let (unlocked, ()) = tokio::join!(unlocking, giving_up);
        ok(case, "unlock", unlocked)?;
        let what = "all who waited had given up while it was being freed";
        comes_free(case, owner, witness, &resource, what).await?;
    }
    Ok(())
}
