//! 1.12: what an operator does to a record is no error.

use std::sync::Arc;

use dsync::Result;
use dsync::driver::{Acquired, Key, KeyKind, Renewed};

use crate::context::{Case, Outcome, Peer, WonLease, is_free, shown};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let peers: [Peer; 3] = case.peers().await?;
    never_there(&case, &peers).await?;
    if case.operator().is_none() {
        case.missing(
            "records that an operator deletes, empties or overwrites (Harness::operator); only \
             keys that were never used were",
        );
        return Ok(());
    }
    for kind in [KeyKind::Election, KeyKind::Lock] {
        for again in 0..3 {
            gone(&case, &peers, kind, again, How::Deleted).await?;
            gone(&case, &peers, kind, again, How::Emptied).await?;
        }
        overwritten(&case, &peers, kind).await?;
    }
    Ok(())
}

/// The least: a key that has never been used reads as free.
async fn never_there(case: &Case, peers: &[Peer; 3]) -> Outcome {
    for kind in [KeyKind::Election, KeyKind::Lock] {
        case.count();
        let read = peers[0].read(&case.key(kind)).await?;
        if read.is_some() {
            return Err(case.fail(format!(
                "a key that has never been used reads as {}, not as no record",
                shown(read.as_ref())
            )));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum How {
    Deleted,
    Emptied,
}

fn done(case: &Case, result: Result<()>) -> Outcome {
    result.map_err(|error| case.fail(format!("the operator could not do it: {error}")))
}

async fn gone(case: &Case, peers: &[Peer; 3], kind: KeyKind, round: usize, how: How) -> Outcome {
    let Some(operator) = case.operator() else { return Ok(()) };
    case.count();
    let (owner, rival) = (&peers[round % 3], &peers[(round + 1) % 3]);
    let key = case.key(kind);
    let won = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
    let won = owner.keep(&key, &won).await?;
    match how {
        How::Deleted => done(case, operator.delete(&key).await)?,
        How::Emptied => done(case, operator.empty(&key).await)?,
    }
    reads_as_free(case, peers, &key, how).await?;
    renewal_is_lost(case, owner, &key, &won, how).await?;
    reads_as_free(case, peers, &key, how).await?;
    let why = format!("an operator's deletion or emptying ({how:?}) leaves it free");
    let next = rival.win(&key, &case.claim("rival"), &why).await?;
    renewal_is_lost(case, owner, &key, &won, how).await?;
    rival.free(&key, &next).await
}

/// On every connection, also the one that has written it and remembers.
async fn reads_as_free(case: &Case, peers: &[Peer; 3], key: &Key, how: How) -> Outcome {
    for peer in peers {
        let read = peer.driver().read(key).await.map_err(|error| {
            case.fail(format!(
                "after an operator's change ({how:?}) a read of {key} answers an error: {error}. \
                 A record that is not there is `None`, and one without a holder is vacant \
                 (Driver::read)"
            ))
        })?;
        if !is_free(read.as_ref()) {
            return Err(case.fail(format!(
                "after an operator's change ({how:?}) a read of {key} shows {}; it must read as \
                 free (Driver::read)",
                shown(read.as_ref())
            )));
        }
    }
    Ok(())
}

async fn renewal_is_lost(
    case: &Case,
    owner: &Peer,
    key: &Key,
    won: &WonLease,
    how: How,
) -> Outcome {
    if let Renewed::Kept(lease) = owner.renew(key, &won.lease).await? {
        return Err(case.fail(format!(
            "after an operator's change ({how:?}) renew by the former holder {} answered `Kept` \
             ({}); renew never re-creates a record (Driver::renew)",
            won.holder,
            shown(Some(&lease))
        )));
    }
    Ok(())
}

/// Another program's holder is a holder like any.
async fn overwritten(case: &Case, peers: &[Peer; 3], kind: KeyKind) -> Outcome {
    let Some(operator) = case.operator() else { return Ok(()) };
    case.count();
    let [owner, rival, _] = peers;
    let key = case.key(kind);
    let won = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
    let foreign = "another-program";
    done(case, operator.overwrite(&key, foreign, case.long()).await)?;
    for peer in peers {
        let read = peer.read(&key).await?;
        let holder = read.as_ref().and_then(|lease| lease.holder.as_ref());
        if holder.is_none_or(|holder| holder.as_str() != foreign) {
            return Err(case.fail(format!(
                "another program has written the holder {foreign:?} into {key}, but a read shows \
                 {}; a holder may have any form (Holder)",
                shown(read.as_ref())
            )));
        }
    }
    if let Renewed::Kept(_) = owner.renew(&key, &won.lease).await? {
        return Err(case.fail(format!(
            "another program has overwritten the record of {}, but its renewal answered `Kept`",
            won.holder
        )));
    }
    if let Acquired::Won(_) = rival.acquire(&key, &case.claim("rival")).await? {
        return Err(case.fail(format!(
            "an acquire without take_over won a record that another program holds, {foreign:?}"
        )));
    }
    Ok(())
}
