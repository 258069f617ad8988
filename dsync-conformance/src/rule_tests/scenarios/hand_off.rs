//! 4.02: after a voluntary release the next is elected far below the lease duration.

use std::sync::Arc;

use dsync::driver::WatchScope;
use dsync::{Dsync, Election};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::common::{hand_off_bound, ok, unhurried, unhurried_dsync};
use crate::context::{Case, Outcome};
use crate::tasks::now;

const CANDIDATES: usize = 3;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    for _ in 0..case.rounds(3) {
        round(&case).await?;
    }
    Ok(())
}

/// Each leads once and stops; the others wait for it.
async fn round(case: &Case) -> Outcome {
    let resource = case.resource();
    let mut waiting: Vec<(Dsync, Election)> = Vec::new();
    for index in 0..CANDIDATES {
        let dsync = unhurried_dsync(case, &format!("candidate-{index}")).await?;
        let election = ok(case, "election", dsync.election_of(&resource))?;
        waiting.push((dsync, election));
    }
    let mut released_at = None;
    while !waiting.is_empty() {
        let leader = next_leader(case, &waiting).await?;
        if let Some(from) = released_at {
            case.count();
            let bound = hand_off_bound(case);
            case.in_time(from, now(), from + bound, |late| {
                format!(
                    "after a leader had stopped it took {:?} until another candidate was elected, \
                     {late:?} more than the bound of {bound:?}, with a lease duration of {:?}. {}",
                    now().saturating_duration_since(from),
                    unhurried(case).lease_duration(),
                    advice(case)
                )
            })?;
        }
        let (dsync, election) = waiting.remove(leader);
        // All other candidates know the leader by then and wait.
        sleep(unhurried(case).retry_period()).await;
        ok(case, "stop", election.stop().await)?;
        released_at = Some(now());
        dsync.shutdown().await;
    }
    Ok(())
}

async fn next_leader(case: &Case, waiting: &[(Dsync, Election)]) -> Outcome<usize> {
    let mut all = JoinSet::new();
    for (index, (_, election)) in waiting.iter().enumerate() {
        let election = election.clone();
        all.spawn(async move { election.elected().await.map(|_| index) });
    }
    let limit = 3 * unhurried(case).lease_duration() + Case::PATIENCE;
    match timeout(limit, all.join_next()).await {
        Ok(Some(Ok(leader))) => ok(case, "elected", leader),
        _ => Err(case.fail(format!("no candidate was elected in {limit:?}"))),
    }
}

fn advice(case: &Case) -> &'static str {
    match case.watches() {
        WatchScope::Nothing => {
            "A released key must be free at once: without a watch others look once in a retry \
             period"
        }
        _ => "The release must free the key at once, and the watch must show it (Driver::watch)",
    }
}
