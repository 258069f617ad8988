//! 1.03: definite means not applied.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Holder, Key, KeyKind, Lease, Nonce};
use tokio::time::timeout;

use super::definite::judge;
use super::lost;
use crate::context::{Case, Outcome, Peer, is_free};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; 2] = case.peers().await?;
    let mut errors = 0;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        errors += plain(&case, &peers, kind).await?;
    }
    errors += odd(&case, &peers).await?;
    errors += closed(&case, &peers).await?;
    match lost::test(&case).await? {
        Some(lost) => errors += lost,
        None if case.is_in_memory() => {
            case.missing("writes that fail on the way to a store in memory (Harness::wire)");
        }
        None => case.missing(
            "requests and answers that are lost on the way (Harness::address, and Via::Proxy in \
             Harness::connect)",
        ),
    }
    if errors == 0 {
        case.missing(
            "no write was ever answered by an error, so how errors are classified was not seen",
        );
    }
    Ok(())
}

/// Writes that nothing is wrong with, over and over.
async fn plain(case: &Case, peers: &[Peer; 2], kind: KeyKind) -> Outcome<u32> {
    let mut errors = 0;
    let key = case.key(kind);
    for _ in 0..case.rounds(60) {
        errors +=
            cycle(case, peers, &key, Holder::new("writer", Case::nonce()), case.lease).await?;
        // What it left behind must not be in the way of the next cycle.
        let [_, witness] = peers;
        if let Some(lease) = witness.read(&key).await?
            && lease.holder.is_some()
        {
            drop(witness.driver().release(&key, &lease).await);
        }
    }
    Ok(errors)
}

/// Claims that a store may refuse: if it does, and says so for certain, nothing may be left.
async fn odd(case: &Case, peers: &[Peer; 2]) -> Outcome<u32> {
    let mut errors = 0;
    let long = Holder::new(&"h".repeat(200), Nonce::new(u64::MAX));
    let odd = [
        (Holder::new("writer", Case::nonce()), Duration::ZERO),
        (Holder::new("writer", Case::nonce()), Duration::from_nanos(1)),
        (Holder::new("writer", Case::nonce()), Duration::from_secs(24 * 3600)),
        (Holder::new("writer", Case::nonce()), Duration::MAX),
        (long, case.lease),
        (Holder::from_wire("h".repeat(100_000)), case.lease),
        (Holder::from_wire(""), case.lease),
        (Holder::from_wire("control\u{1}\u{0}characters"), case.lease),
    ];
    for (holder, duration) in odd {
        let key = case.key(KeyKind::Lock);
        errors += cycle(case, peers, &key, holder, duration).await?;
    }
    Ok(errors)
}

/// A driver that was closed may refuse everything.
async fn closed(case: &Case, peers: &[Peer; 2]) -> Outcome<u32> {
    let closed = case.peer().await?;
    closed.driver().close().await;
    let key = case.key(KeyKind::Lock);
    let peers = [closed, peers[1].clone()];
    cycle(case, &peers, &key, Holder::new("closed", Case::nonce()), case.lease).await
}

/// Acquire, renew, release; an error of each is compared with what a read shows. How many there
/// were.
async fn cycle(
    case: &Case,
    [writer, witness]: &[Peer; 2],
    key: &Key,
    holder: Holder,
    duration: Duration,
) -> Outcome<u32> {
    let driver = writer.driver();
    let limit = Case::PATIENCE;
    let mut errors = 0;

    let mut claim = case.claim("writer");
    claim.holder = holder;
    claim.duration = duration;
    case.count();
    let lease = match timeout(limit, driver.acquire(key, &claim)).await {
        Ok(Ok(dsync::driver::Acquired::Won(lease))) => lease,
        Ok(Ok(dsync::driver::Acquired::Held(_))) | Err(_) => return Ok(errors),
        Ok(Err(error)) => {
            errors += 1;
            let is_there = |record: Option<&Lease>| {
                record.is_some_and(|lease| lease.is_held_by(&claim.holder))
            };
            judge(case, witness, key, "acquire", &error, is_there).await?;
            return Ok(errors);
        }
    };

    case.count();
    let before = witness.read(key).await?;
    let lease = match timeout(limit, driver.renew(key, &lease)).await {
        Ok(Ok(dsync::driver::Renewed::Kept(lease))) => lease,
        Ok(Ok(_)) | Err(_) => lease,
        Ok(Err(error)) => {
            errors += 1;
            let is_renewed = |record: Option<&Lease>| match (record, &before) {
                (Some(record), Some(before)) => {
                    record.version != before.version || record.pulse != before.pulse
                }
                _ => false,
            };
            judge(case, witness, key, "renew", &error, is_renewed).await?;
            lease
        }
    };

    case.count();
    let before = witness.read(key).await?;
    if let Ok(Err(error)) = timeout(limit, driver.release(key, &lease)).await {
        errors += 1;
        let was_held = !is_free(before.as_ref());
        // A lease that ran out meanwhile is no release.
        let is_short = duration < case.lease;
        let is_freed = |record: Option<&Lease>| was_held && !is_short && is_free(record);
        judge(case, witness, key, "release", &error, is_freed).await?;
    }
    Ok(errors)
}
