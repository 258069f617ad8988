//! 1.06: reads see what was acknowledged, over every connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dsync::driver::{Holder, Key, KeyKind, Lease};
use tokio::task::JoinSet;

use crate::context::{Case, Outcome, Peer, shown};

const READERS: usize = 3;

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    for kind in [KeyKind::Election, KeyKind::Lock] {
        one_after_the_other(&case, kind).await?;
        at_the_same_time(&case, kind).await?;
    }
    Ok(())
}

/// Each write is followed by a read on every connection, one of which also watches, so that it
/// has something to remember.
async fn one_after_the_other(case: &Arc<Case>, kind: KeyKind) -> Outcome {
    let peers: [Peer; READERS] = case.peers().await?;
    let key = case.key(kind);
    let _watch = peers[1].watch(&key);
    for round in 0..case.rounds(20) as usize {
        let writer = &peers[round % READERS];
        let won = writer.win(&key, &case.claim("writer"), "it was released").await?;
        all_see(case, &peers, &key, Some(&won.lease), "acquire").await?;
        let won = writer.keep(&key, &won).await?;
        all_see(case, &peers, &key, Some(&won.lease), "renew").await?;
        writer.free(&key, &won).await?;
        all_see(case, &peers, &key, None, "release").await?;
    }
    Ok(())
}

async fn all_see(
    case: &Case,
    peers: &[Peer; READERS],
    key: &Key,
    written: Option<&Lease>,
    verb: &str,
) -> Outcome {
    for peer in peers {
        case.count();
        let read = peer.read(key).await?;
        let sees = match (written, &read) {
            (Some(written), Some(read)) => {
                read.holder == written.holder
                    && (!case.is_observer() || read.version == written.version)
            }
            (Some(_), None) => false,
            (None, read) => read.as_ref().is_none_or(|read| read.holder.is_none()),
        };
        if !sees {
            return Err(stale(case, verb, &shown(written), &shown(read.as_ref())));
        }
    }
    Ok(())
}

fn stale(case: &Case, verb: &str, written: &str, read: &str) -> crate::Verdict {
    case.fail(format!(
        "a read that was sent after a {verb} was acknowledged ({written}) shows an older state: \
         {read}. Reads are linearizable: no replica that lags, no cache (Driver::read)"
    ))
}

/// One writes, others read all the while. What is read must have been the state between the
/// sending of the read and its answer.
async fn at_the_same_time(case: &Arc<Case>, kind: KeyKind) -> Outcome {
    let writer = case.peer().await?;
    let key = case.key(kind);
    let rounds = case.rounds(40) as usize;
    let holders: Arc<Vec<Holder>> = Arc::new((0..rounds).map(|_| Case::holder("writer")).collect());
    // Steps: 2i + 1 is the acquisition by holder i, 2i + 2 its release.
    let begun = Arc::new(AtomicUsize::new(0));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (peer, key) = (case.peer().await?, key.clone());
        let (begun, acknowledged) = (Arc::clone(&begun), Arc::clone(&acknowledged));
        let (holders, case) = (Arc::clone(&holders), Arc::clone(case));
        readers.spawn(async move {
            loop {
                let floor = acknowledged.load(Ordering::SeqCst);
                if floor == 2 * holders.len() {
                    return Ok(());
                }
                let read = peer.read(&key).await?;
                let ceiling = begun.load(Ordering::SeqCst);
                case.count();
                let holder = read.as_ref().and_then(|lease| lease.holder.as_ref());
                let fits = match holder {
                    Some(holder) => holders
                        .iter()
                        .position(|known| known == holder)
                        .is_some_and(|index| (floor..=ceiling).contains(&(2 * index + 1))),
                    None => (floor..=ceiling).any(|step| step % 2 == 0),
                };
                if !fits {
                    let written = format!("write {floor} of {}", 2 * holders.len());
                    return Err(stale(&case, "write", &written, &shown(read.as_ref())));
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for (index, holder) in holders.iter().enumerate() {
        let mut claim = case.claim("writer");
        claim.holder = holder.clone();
        begun.store(2 * index + 1, Ordering::SeqCst);
        let won = writer.win(&key, &claim, "it was released").await?;
        acknowledged.store(2 * index + 1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        begun.store(2 * index + 2, Ordering::SeqCst);
        writer.free(&key, &won).await?;
        acknowledged.store(2 * index + 2, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    while let Some(reader) = readers.join_next().await {
        reader.map_err(|error| case.fail(format!("read panicked: {error}")))??;
    }
    Ok(())
}
