//! 4.06: a candidate that lost is elected again on the same handle, and its callbacks run again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dsync::driver::KeyKind;
use dsync::{Election, Term};
use tokio::time::{sleep, timeout};

use super::common::{ok, steal};
use crate::context::{Case, Outcome, key_of};
use crate::tasks::now;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let resource = case.resource();
    let key = key_of(KeyKind::Election, &resource);
    let (first, second) = (case.dsync("first").await?, case.dsync("second").await?);
    let thief = case.peer().await?;
    let election = ok(&case, "election", first.election_of(&resource))?;
    let calls = Arc::new(AtomicU32::new(0));
    let called = Arc::clone(&calls);
    election.when_elected(move |term: Term| {
        called.fetch_add(1, Ordering::SeqCst);
        async move { term.ended().await }
    });
    let mut expected = 1;
    elected(&case, &election, &calls, expected, "at first").await?;
    for _ in 0..case.rounds(3) {
        // 1. It steps down, another leads, and stops.
        let other = ok(&case, "election", second.election_of(&resource))?;
        ok(&case, "resign", election.resign().await)?;
        in_patience(&case, "the other was elected", other.elected()).await?;
        ok(&case, "stop", other.stop().await)?;
        expected += 1;
        elected(&case, &election, &calls, expected, "after another had led").await?;

        // 2. Its lease is freed behind its back.
        if let Some(term) = election.term() {
            steal(&case, &thief, &key).await?;
            let limit = case.lease + Case::PATIENCE;
            if timeout(limit, term.ended()).await.is_err() {
                return Err(case.fail(format!("a term whose lease was lost goes on for {limit:?}")));
            }
        }
        expected += 1;
        elected(&case, &election, &calls, expected, "after its lease was lost").await?;
    }
    ok(&case, "stop", election.stop().await)
}

async fn in_patience(
    case: &Case,
    what: &str,
    elected: impl Future<Output = dsync::Result<Term>>,
) -> Outcome<Term> {
    let limit = 4 * case.longest(case.lease) + Case::PATIENCE;
    match timeout(limit, elected).await {
        Ok(term) => ok(case, "elected", term),
        Err(_) => Err(case.fail(format!("it did not happen in {limit:?} that {what}"))),
    }
}

/// Waits until it leads and its callback has been called as often as it was elected.
async fn elected(
    case: &Case,
    election: &Election,
    calls: &AtomicU32,
    expected: u32,
    when: &str,
) -> Outcome {
    case.count();
    in_patience(case, &format!("the candidate was elected {when}"), election.elected()).await?;
    let until = now() + Case::PATIENCE;
    loop {
        let calls = calls.load(Ordering::SeqCst);
        if calls == expected {
            return Ok(());
        }
        if calls > expected || now() >= until {
            return Err(case.fail(format!(
                "a candidate was elected {expected} times ({when}), but its callback was called \
                 {calls} times"
            )));
        }
        sleep(case.timing().retry_period() / 4).await;
    }
}
