//! 6.03: a shutdown returns within its bound.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::KeyKind;
use dsync::{ErrorKind, Term};
use tokio::time::timeout;

use super::common::ok;
use crate::context::{Case, Outcome, is_free, key_of, shown};
use crate::tasks::now;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    // Work that ends, work that has to be dropped, and nothing at all.
    for work in [Work::None, Work::Obeys, Work::Stays] {
        for drain in [case.lease / 4, case.lease, 3 * case.lease] {
            shut_down(&case, work, drain).await?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    None,
    Obeys,
    Stays,
}

async fn shut_down(case: &Case, work: Work, drain: Duration) -> Outcome {
    case.count();
    let dsync = case.dsync_with("owner", |config| config.with_drain_timeout(drain)).await?;
    let (elected, locked, waited) = (case.resource(), case.resource(), case.resource());
    let election = ok(case, "election", dsync.election_of(&elected))?;
    if work != Work::None {
        election.when_elected(move |term: Term| async move {
            term.ended().await;
            if work == Work::Stays {
                std::future::pending::<()>().await;
            }
        });
    }
    let term = ok(case, "elected", election.elected().await)?;
    let guard = ok(case, "lock", ok(case, "lock", dsync.lock_of(&locked))?.lock().await)?;
    // A waiter for a lock that another candidate holds.
    let peer = case.peer().await?;
    let key = key_of(KeyKind::Lock, &waited);
    let other = peer.win(&key, &case.claim("other"), "it has never been used").await?;
    let lock = ok(case, "lock", dsync.lock_of(&waited))?;
    let waiting = async move { lock.lock().await.map(drop) };

    let bound = drain + 2 * case.timing().request_timeout() + case.slack();
    let from = now();
    let shutdown = async {
        let done = timeout(4 * bound + Case::PATIENCE, dsync.shutdown()).await;
        (done, now())
    };
    let (waited, (done, at)) = tokio::join!(waiting, shutdown);
    if done.is_err() {
        return Err(case.fail(format!("shutdown did not return in {:?}", 4 * bound)));
    }
    case.in_time(from, at, from + bound, |late| {
        format!(
            "shutdown took {:?}, {late:?} more than drain timeout {drain:?} and two request \
             timeouts (work: {work:?})",
            at.saturating_duration_since(from)
        )
    })?;
    if term.is_active() || guard.is_held() || election.is_leader() {
        return Err(case.fail("after a shutdown something still counts as held"));
    }
    match waited {
        Err(error) if error.kind() == ErrorKind::Stopped => {}
        other => return Err(case.fail(format!("a shutdown ended a waiting lock() by {other:?}"))),
    }
    peer.free(&key, &other).await?;
    for key in [key_of(KeyKind::Election, &elected), key_of(KeyKind::Lock, &locked)] {
        let read = peer.read(&key).await?;
        if !is_free(read.as_ref()) {
            return Err(case.fail(format!(
                "after a shutdown {key} is {} (work: {work:?}, drain timeout {drain:?})",
                shown(read.as_ref())
            )));
        }
    }
    Ok(())
}
