//! 1.04: an attempt whose answer was lost is found by its nonce.

use std::sync::Arc;

use dsync::driver::{Acquired, Claim, Key, KeyKind, Lease, Released, Renewed};
use tokio::time::sleep;

use crate::context::{Case, Outcome, Peer, is_free, shown};
use crate::rule_tests::cuts::{Cut, MOST_POLLS};
use crate::tasks::now;

/// Names of instances that a store may be tempted to change: at most 200 printable bytes each.
const INSTANCES: &[&str] = &[
    "a",
    "pod-7f9c.example.com",
    "two words",
    "under_scores_and_more",
    "UPPER/slash\\back",
    "\"quoted\" {\"json\": [1]}",
    "per%20cent & ampersand; <tag>",
    "größe-βγ-名前",
];

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; 3] = case.peers().await?;
    as_it_was_given(&case, &peers).await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        cut_short(&case, &peers, kind, Start::NoRecord).await?;
        if case.is_observer() {
            cut_short(&case, &peers, kind, Start::DeadHolder).await?;
        } else if kind == KeyKind::Lock {
            cut_short(&case, &peers, kind, Start::Released).await?;
        }
    }
    Ok(())
}

/// The holder is stored byte by byte.
async fn as_it_was_given(case: &Case, [writer, reader, _]: &[Peer; 3]) -> Outcome {
    let longest = "x".repeat(200);
    for instance in INSTANCES.iter().copied().chain([longest.as_str()]) {
        case.count();
        let key = case.key(KeyKind::Lock);
        let won = writer.win(&key, &case.claim(instance), "it has never been used").await?;
        let read = reader.read(&key).await?;
        if !read.as_ref().is_some_and(|lease| lease.is_held_by(&won.holder)) {
            return Err(rewritten(case, &won.holder.to_string(), read.as_ref()));
        }
        let kept = writer.keep(&key, &won).await?;
        let read = reader.read(&key).await?;
        if !read.as_ref().is_some_and(|lease| lease.is_held_by(&won.holder)) {
            return Err(rewritten(case, &won.holder.to_string(), read.as_ref()));
        }
        writer.free(&key, &kept).await?;
    }
    Ok(())
}

fn rewritten(case: &Case, given: &str, read: Option<&Lease>) -> crate::Verdict {
    case.fail(format!(
        "acquire was given the holder {given:?}, but a read shows {}. The holder must be stored as \
         it was given: the core finds an attempt whose answer was lost by its nonce (Driver: \
         Unknown outcomes)",
        shown(read)
    ))
}

/// What is there before the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    NoRecord,
    Released,
    DeadHolder,
}

/// Drops an acquisition at each of its polls. Either it was applied and is found by its nonce, or
/// it was not and nothing has changed; one that lands later carries the nonce as well.
async fn cut_short(case: &Case, peers: &[Peer; 3], kind: KeyKind, start: Start) -> Outcome {
    let [writer, reader, rival] = peers;
    for polls in 0..MOST_POLLS {
        case.count();
        let key = case.key(kind);
        let mut claim = case.claim("cut");
        let mut before = None;
        if start != Start::NoRecord {
            let won = rival.win(&key, &case.claim("dead"), "it has never been used").await?;
            if start == Start::Released {
                rival.free(&key, &won).await?;
            } else {
                claim = claim.with_take_over(Some(won.lease.version.clone()));
            }
            before = reader.read(&key).await?;
        }
        let answer = Cut::after(polls, writer.driver().acquire(&key, &claim)).await;
        let is_over = answer.is_some();
        let won = matches!(answer, Some(Ok(Acquired::Won(_))));
        let found = landed(case, reader, &key, &claim, before.as_ref(), won).await?;
        if let Some(lease) = found {
            settle(case, reader, &key, &claim, lease).await?;
        }
        if is_over {
            return Ok(());
        }
    }
    Ok(())
}

/// Looks until the attempt has landed, or would have.
async fn landed(
    case: &Case,
    reader: &Peer,
    key: &Key,
    claim: &Claim,
    before: Option<&Lease>,
    must: bool,
) -> Outcome<Option<Lease>> {
    let until = now() + Case::SETTLING;
    loop {
        let read = reader.read(key).await?;
        let untouched = match (&read, before) {
            (read, None) => is_free(read.as_ref()),
            (Some(read), Some(before)) => read.version == before.version,
            (None, Some(_)) => false,
        };
        match read {
            Some(lease) if lease.is_held_by(&claim.holder) => return Ok(Some(lease)),
            read if !untouched => {
                return Err(rewritten(case, claim.holder.as_str(), read.as_ref()));
            }
            read if must => {
                return Err(case.fail(format!(
                    "acquire answered `Won` to {}, but a read shows {}",
                    claim.holder,
                    shown(read.as_ref())
                )));
            }
            _ if now() >= until => return Ok(None),
            _ => sleep(Case::SETTLING / 8).await,
        }
    }
}

/// What a read has found can be gone on with: renewed and released like what was won.
async fn settle(case: &Case, peer: &Peer, key: &Key, claim: &Claim, found: Lease) -> Outcome {
    let lease = match peer.renew(key, &found).await? {
        Renewed::Kept(lease) => lease,
        other => {
            return Err(case.fail(format!(
                "acquire of {key} for {} was dropped half-way and is applied by now, a read shows \
                 it at version {}, but renew with what was read answered {other:?}. The core goes \
                 on with what it read, so a read must give all that renew and release need",
                claim.holder, found.version
            )));
        }
    };
    match peer.release(key, &lease).await? {
        Released::Freed => Ok(()),
        other => Err(case.fail(format!(
            "a lease that was found by a read and renewed could not be released: {other:?}"
        ))),
    }
}
