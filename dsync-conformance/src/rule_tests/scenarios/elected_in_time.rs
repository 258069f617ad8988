//! 4.01: a candidate is elected in time.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::KeyKind;
use dsync::{Dsync, Election, Resource};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::common::ok;
use crate::context::{Case, Outcome, key_of};
use crate::tasks::now;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    free(&case).await?;
    dead_holder(&case).await?;
    if case.operator().is_some() {
        for what in [Fault::Deleted, Fault::Emptied, Fault::Overwritten] {
            edited(&case, what).await?;
        }
    } else {
        case.missing("a record that an operator edits (Harness::operator)");
    }
    Ok(())
}

/// The requests that it takes, with a few retries and a crowd's delay.
fn trying(case: &Case) -> Duration {
    let timing = case.timing();
    3 * timing.retry_period() + 2 * timing.request_timeout() + Duration::from_millis(100)
}

/// The instant by which a candidate must be elected that waits for another's lease from `from` on.
fn bound(case: &Case) -> Duration {
    case.longest(case.lease) + trying(case)
}

async fn candidates(case: &Case, resource: &Resource) -> Outcome<Vec<(Dsync, Election)>> {
    let mut all = Vec::new();
    for index in 0..3 {
        let dsync = case.dsync(&format!("candidate-{index}")).await?;
        let election = ok(case, "election", dsync.election_of(resource))?;
        all.push((dsync, election));
    }
    Ok(all)
}

/// The first who is elected, and when that was known.
async fn first(case: &Case, candidates: &[(Dsync, Election)]) -> Outcome<(usize, Instant)> {
    let mut waiting = JoinSet::new();
    for (index, (_, election)) in candidates.iter().enumerate() {
        let election = election.clone();
        waiting.spawn(async move { (index, election.elected().await.map(drop), now()) });
    }
    let limit = 3 * bound(case) + Case::PATIENCE;
    let Ok(Some(Ok((index, result, at)))) = timeout(limit, waiting.join_next()).await else {
        return Err(case.fail(format!("no candidate was elected in {limit:?}")));
    };
    ok(case, "elected", result)?;
    Ok((index, at))
}

fn judge(case: &Case, what: &str, from: Instant, at: Instant, bound: Duration) -> Outcome {
    case.count();
    case.in_time(from, at, from + bound, |late| {
        format!(
            "{what}: it took {:?} until a candidate was elected, {late:?} more than the bound of \
             {bound:?}, with a lease duration of {:?}",
            at.saturating_duration_since(from),
            case.lease
        )
    })
}

async fn free(case: &Case) -> Outcome {
    for _ in 0..case.rounds(6) {
        let from = now();
        let candidates = candidates(case, &case.resource()).await?;
        let (_, at) = first(case, &candidates).await?;
        judge(case, "the key was free", from, at, trying(case) + case.slack())?;
        stop(case, candidates).await?;
    }
    Ok(())
}

async fn stop(case: &Case, candidates: Vec<(Dsync, Election)>) -> Outcome {
    for (dsync, election) in candidates {
        ok(case, "stop", election.stop().await)?;
        dsync.shutdown().await;
    }
    Ok(())
}

/// A process that died while it led.
async fn dead_holder(case: &Case) -> Outcome {
    let resource = case.resource();
    let key = key_of(KeyKind::Election, &resource);
    let peer = case.peer().await?;
    peer.win(&key, &case.brief_claim("dead"), "it has never been used").await?;
    let candidates = candidates(case, &resource).await?;
    // An observer counts from when it first saw the record.
    let from = now();
    let (_, at) = first(case, &candidates).await?;
    judge(case, "the leader had died", from, at, bound(case))?;
    stop(case, candidates).await
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Deleted,
    Emptied,
    Overwritten,
}

/// An operator takes the record away from a leader.
async fn edited(case: &Case, fault: Fault) -> Outcome {
    let Some(operator) = case.operator() else { return Ok(()) };
    let resource = case.resource();
    let key = key_of(KeyKind::Election, &resource);
    let candidates = candidates(case, &resource).await?;
    let (leader, _) = first(case, &candidates).await?;
    let Some(term) = candidates[leader].1.term() else {
        return Err(case.fail("a term ended right after it began although nothing is wrong"));
    };
    let result = match fault {
        Fault::Deleted => operator.delete(&key).await,
        Fault::Emptied => operator.empty(&key).await,
        Fault::Overwritten => operator.overwrite(&key, "another-program", case.lease).await,
    };
    result.map_err(|error| case.fail(format!("the operator could not do it: {error}")))?;
    let from = now();
    let limit = bound(case) + Case::PATIENCE;
    if timeout(limit, term.ended()).await.is_err() {
        return Err(case.fail(format!("{fault:?} did not end the leader's term in {limit:?}")));
    }
    let (_, at) = first(case, &candidates).await?;
    // The old term may have to end first, and the record may have to run out.
    let bound = bound(case) + case.timing().renew_deadline();
    judge(case, &format!("the leader's record was {fault:?}"), from, at, bound)?;
    stop(case, candidates).await
}
