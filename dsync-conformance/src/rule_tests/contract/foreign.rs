//! 1.09: only the holder can release.

use std::sync::Arc;

use dsync::driver::{Acquired, Key, KeyKind, Lease, Released};
use tokio::time::sleep;

use crate::context::{Case, Outcome, Peer, WonLease, is_free, shown};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; 3] = case.peers().await?;
    for kind in [KeyKind::Election, KeyKind::Lock] {
        successor(&case, &peers, kind).await?;
        twice(&case, &peers, kind).await?;
        if !case.is_observer() {
            run_out(&case, &peers, kind).await?;
        }
        another_program(&case, &peers, kind).await?;
    }
    if case.operator().is_none() {
        case.missing("a record that another program has overwritten (Harness::operator)");
    }
    Ok(())
}

/// `lease` is not the caller's any more: nothing may happen.
async fn refused(case: &Case, peers: &[Peer; 3], key: &Key, lease: &Lease, why: &str) -> Outcome {
    let [owner, rival, witness] = peers;
    for peer in [owner, rival] {
        case.count();
        let before = witness.read(key).await?;
        let answer = peer.release(key, lease).await?;
        let after = witness.read(key).await?;
        let same = match (&before, &after) {
            (None, None) => true,
            (Some(before), Some(after)) => {
                before.holder == after.holder
                    && before.version == after.version
                    && before.pulse == after.pulse
                    && before.duration == after.duration
            }
            _ => false,
        };
        if !same || answer == Released::Freed {
            return Err(case.fail(format!(
                "release of a lease {} answered {answer:?} although {why}; the record was {} and \
                 is {} now. A release never touches the lease of another holder: make the store \
                 compare the holder, or the version that only it knows, in the same request \
                 (Driver::release)",
                shown(Some(lease)),
                shown(before.as_ref()),
                shown(after.as_ref())
            )));
        }
    }
    Ok(())
}

/// The successor goes on as if nothing had happened.
async fn still_holds(
    case: &Case,
    peers: &[Peer; 3],
    key: &Key,
    won: &WonLease,
) -> Outcome<WonLease> {
    let [_, rival, witness] = peers;
    if let Acquired::Won(_) = witness.acquire(key, &case.claim("third")).await? {
        return Err(case.fail(format!(
            "after a release by a former holder, another candidate acquired {key} while {} holds it",
            won.holder
        )));
    }
    rival.keep(key, won).await
}

async fn successor(case: &Case, peers: &[Peer; 3], kind: KeyKind) -> Outcome {
    let [owner, rival, _] = peers;
    let key = case.key(kind);
    let first = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
    owner.free(&key, &first).await?;
    let second = rival.win(&key, &case.claim("rival"), "it was released").await?;
    let why = "another candidate has acquired the key since";
    refused(case, peers, &key, &first.lease, why).await?;
    let second = still_holds(case, peers, &key, &second).await?;
    refused(case, peers, &key, &first.lease, why).await?;
    if case.is_observer() {
        let claim = case.claim("owner").with_take_over(Some(second.lease.version.clone()));
        let third = owner.win(&key, &claim, "the claim takes over the version it is at").await?;
        refused(case, peers, &key, &second.lease, "another candidate has taken the key over since")
            .await?;
        refused(case, peers, &key, &first.lease, "the same instance has another nonce now").await?;
        return owner.free(&key, &third).await;
    }
    rival.free(&key, &second).await
}

async fn twice(case: &Case, peers: &[Peer; 3], kind: KeyKind) -> Outcome {
    let [owner, ..] = peers;
    let key = case.key(kind);
    let won = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
    owner.free(&key, &won).await?;
    refused(case, peers, &key, &won.lease, "it was released already").await
}

async fn run_out(case: &Case, peers: &[Peer; 3], kind: KeyKind) -> Outcome {
    let [owner, rival, witness] = peers;
    let key = case.key(kind);
    let mut claim = case.claim("owner");
    claim.duration = case.capabilities.min_lease;
    let won = owner.win(&key, &claim, "it has never been used").await?;
    sleep(case.longest(claim.duration)).await;
    if is_free(witness.read(&key).await?.as_ref()) {
        refused(case, peers, &key, &won.lease, "it has run out").await?;
    }
    let next = rival.win(&key, &case.claim("rival"), "the lease has run out").await?;
    let why = "it has run out and another candidate has the key";
    refused(case, peers, &key, &won.lease, why).await?;
    let next = still_holds(case, peers, &key, &next).await?;
    rival.free(&key, &next).await
}

async fn another_program(case: &Case, peers: &[Peer; 3], kind: KeyKind) -> Outcome {
    let Some(operator) = case.operator() else { return Ok(()) };
    let [owner, ..] = peers;
    let key = case.key(kind);
    let won = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
    let written = operator.overwrite(&key, "another-program", case.long()).await;
    written.map_err(|error| case.fail(format!("the operator could not write {key}: {error}")))?;
    refused(case, peers, &key, &won.lease, "another program has overwritten the record").await
}
