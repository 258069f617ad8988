//! 1.01: of concurrent acquisitions of a free key, exactly one wins.

use std::sync::Arc;

use dsync::driver::{Acquired, Claim, Key, KeyKind, Version};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::context::{Case, Outcome, Peer, WonLease, is_free, shown};
use crate::tasks::now;

/// How many claim at a time, over how many connections.
const CLAIMS: usize = 8;
const CONNECTIONS: usize = 4;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; CONNECTIONS] = case.peers().await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        let key = case.key(kind);
        for round in 0..case.rounds(30) {
            let what = if round == 0 { "there was no record" } else { "it was released" };
            let (winner, won) = race(&case, &peers, &key, None, what).await?;
            peers[winner].free(&key, &won).await?;
        }
        if case.is_observer() {
            take_over_in_turn(&case, &peers, &key).await?;
        } else {
            expire(&case, &peers, kind).await?;
        }
    }
    Ok(())
}

/// Each race is for the record that the winner of the last one holds.
async fn take_over_in_turn(case: &Case, peers: &[Peer; CONNECTIONS], key: &Key) -> Outcome {
    let mut won = peers[0].win(key, &case.claim("first"), "it was released").await?;
    for _ in 0..case.rounds(20) {
        let version = won.lease.version.clone();
        let what = "every claim takes over the version that the record is at";
        (_, won) = race(case, peers, key, Some(version), what).await?;
    }
    Ok(())
}

/// Races for keys whose holder is dead, some keys at a time.
async fn expire(case: &Arc<Case>, peers: &[Peer; CONNECTIONS], kind: KeyKind) -> Outcome {
    let mut keys = Vec::new();
    for _ in 0..case.rounds(9) {
        let key = case.key(kind);
        peers[0].win(&key, &case.brief_claim("dead"), "it has never been used").await?;
        keys.push(key);
    }
    sleep_until(now() + case.longest(case.lease)).await;
    for key in &keys {
        race(case, peers, key, None, "its lease has run out").await?;
    }
    Ok(())
}

/// Lets all peers claim `key` at the same time and returns the winners.
async fn race(
    case: &Case,
    peers: &[Peer; CONNECTIONS],
    key: &Key,
    take_over: Option<Version>,
    what: &str,
) -> Outcome<(usize, WonLease)> {
    // A driver that remembers an older state may be refused; then it has read, and knows.
    for _ in 0..3 {
        case.count();
        let winners = claim_at_once(case, peers, key, take_over.as_ref()).await?;
        let names: Vec<_> = winners.iter().map(|(_, won)| won.holder.to_string()).collect();
        if winners.len() > 1 {
            return Err(case.fail(format!(
                "{} of {CLAIMS} concurrent acquires of {key} won ({}) although one at most can: \
                 {what}. The write must be conditional and the store must decide it: create only \
                 if absent, replace only at the version that was read (Driver: Atomicity)",
                winners.len(),
                names.join(", ")
            )));
        }
        let record = peers[0].read(key).await?;
        if let Some((winner, won)) = winners.into_iter().next() {
            let read = record.as_ref();
            if !read.is_some_and(|lease| lease.is_held_by(&won.holder)) {
                return Err(case.fail(format!(
                    "acquire of {key} answered `Won` to {}, but a read shows {}",
                    won.holder,
                    shown(read)
                )));
            }
            return Ok((winner, won));
        }
        for peer in peers {
            peer.read(key).await?;
        }
        let open = match &take_over {
            None => is_free(record.as_ref()),
            Some(version) => record.as_ref().is_some_and(|lease| lease.version == *version),
        };
        if !open {
            return Err(case.fail(format!(
                "none of {CLAIMS} concurrent acquires of {key} was answered with `Won`, but a read shows \
                 {}: {what}",
                shown(record.as_ref())
            )));
        }
        sleep(Case::SETTLING).await;
    }
    Err(case.fail(format!(
        "none of {CLAIMS} concurrent acquires of {key} won, three times in a row, and it is still \
         free: {what}. One of them must win"
    )))
}

async fn claim_at_once(
    case: &Case,
    peers: &[Peer; CONNECTIONS],
    key: &Key,
    take_over: Option<&Version>,
) -> Outcome<Vec<(usize, WonLease)>> {
    let start = Arc::new(Barrier::new(CLAIMS));
    let mut calls = JoinSet::new();
    for index in 0..CLAIMS {
        let claim: Claim = case.claim(&format!("racer-{index}")).with_take_over(take_over.cloned());
        let (start, key) = (Arc::clone(&start), key.clone());
        let peer = peers[index % CONNECTIONS].clone();
        calls.spawn(async move {
            start.wait().await;
            let sent = now();
            let acquired = peer.acquire(&key, &claim).await;
            (index % CONNECTIONS, claim.holder, sent, now(), acquired)
        });
    }
    let mut winners = Vec::new();
    while let Some(call) = calls.join_next().await {
        let (index, holder, sent, answered, acquired) =
            call.map_err(|error| case.fail(format!("acquire panicked: {error}")))?;
        if let Acquired::Won(lease) = acquired? {
            winners.push((index, WonLease { holder, lease, sent, answered }));
        }
    }
    Ok(winners)
}
