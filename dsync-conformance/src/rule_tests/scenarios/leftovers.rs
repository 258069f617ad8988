//! 6.02: nothing is left after a release.

use std::sync::Arc;

use dsync::driver::{Key, KeyKind, Lease};

use super::common::ok;
use crate::context::{Case, Outcome, Peer, key_of, shown};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let witness = case.peer().await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        by_the_driver(&case, &witness, kind).await?;
        by_the_core(&case, &witness, kind).await?;
    }
    if case.operator().is_none() {
        case.missing("what is left in the store beside the record (Harness::operator)");
    }
    Ok(())
}

async fn by_the_driver(case: &Case, witness: &Peer, kind: KeyKind) -> Outcome {
    for _ in 0..case.rounds(6) {
        let peer = case.peer().await?;
        let key = case.key(kind);
        for _ in 0..3 {
            let won = peer.win(&key, &case.claim("owner"), "it was released").await?;
            let won = peer.keep(&key, &won).await?;
            peer.free(&key, &won).await?;
            nothing_left(case, witness, &key).await?;
        }
    }
    Ok(())
}

async fn by_the_core(case: &Case, witness: &Peer, kind: KeyKind) -> Outcome {
    for _ in 0..case.rounds(6) {
        let dsync = case.dsync("owner").await?;
        let resource = case.resource();
        let key = key_of(kind, &resource);
        match kind {
            KeyKind::Election => {
                let election = ok(case, "election", dsync.election_of(&resource))?;
                ok(case, "elected", election.elected().await)?;
                dsync.shutdown().await;
            }
            KeyKind::Lock => {
                let lock = ok(case, "lock", dsync.lock_of(&resource))?;
                let guard = ok(case, "lock", lock.lock().await)?;
                ok(case, "unlock", guard.unlock().await)?;
                dsync.shutdown().await;
            }
        }
        nothing_left(case, witness, &key).await?;
    }
    Ok(())
}

async fn nothing_left(case: &Case, witness: &Peer, key: &Key) -> Outcome {
    case.count();
    let read = witness.read(key).await?;
    if let Some(wrong) = complaint(case, key, read.as_ref()) {
        return Err(case.fail(format!(
            "after a release {key} ({:?}) reads as {}: {wrong}",
            key.kind(),
            shown(read.as_ref())
        )));
    }
    let Some(operator) = case.operator() else { return Ok(()) };
    let left = operator.left_over(key).await;
    let left = left.map_err(|error| case.fail(format!("the operator: {error}")))?;
    if left.is_empty() {
        return Ok(());
    }
    Err(case.fail(format!(
        "after a release of {key} ({:?}) this is left in the store: {}. A release leaves nothing \
         but a counter with an expiry, or a lock per customer leaves a record per customer",
        key.kind(),
        left.join("; ")
    )))
}

fn complaint(case: &Case, key: &Key, read: Option<&Lease>) -> Option<&'static str> {
    let keeps = case.capabilities.keeps_released_elections && key.kind() == KeyKind::Election;
    match read {
        Some(lease) if lease.holder.is_some() => {
            Some("the release was acknowledged, but nothing was given up (Driver::release)")
        }
        Some(_) if key.kind() == KeyKind::Lock => {
            Some("a released lock leaves no record (KeyKind::Lock)")
        }
        Some(_) if !keeps => Some(
            "a record that stays without a holder must be declared \
             (Capabilities::keeps_released_elections)",
        ),
        None if keeps => Some(
            "the driver declares that a released election keeps its record \
             (Capabilities::keeps_released_elections), so that followers take a record that \
             vanished for a deleted one and wait out its lease",
        ),
        _ => None,
    }
}
