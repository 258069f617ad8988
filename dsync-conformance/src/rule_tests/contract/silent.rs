//! 1.13: nothing is sent after a driver was closed or dropped.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Key, KeyKind, Lease};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::context::{Case, Outcome, Peer, WonLease, is_free, shown};
use crate::tasks::now;

/// How a driver ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Dropped,
    ClosedAndDropped,
}

const ENDS: [End; 2] = [End::Dropped, End::ClosedAndDropped];

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let witness = case.peer().await?;
    for end in ENDS {
        for kind in [KeyKind::Election, KeyKind::Lock] {
            case.count();
            let key = case.key(kind);
            let won = use_and_end(&case, &key, end).await?;
            if case.is_observer() {
                stands_still(&case, &witness, &key, &won, end).await?;
            } else {
                runs_out(&case, &witness, &key, &won, end).await?;
            }
        }
    }
    drop(witness);
    no_task_left(&case).await?;
    no_connection_left(&case).await
}

/// A driver that holds a lease and has a watch, and is then no more.
async fn use_and_end(case: &Case, key: &Key, end: End) -> Outcome<WonLease> {
    end_after_use(case, case.peer().await?, key, end).await
}

async fn end_after_use(case: &Case, peer: Peer, key: &Key, end: End) -> Outcome<WonLease> {
    let mut watch = peer.watch(key);
    let first = poll_fn(|context| watch.as_mut().poll_next(context));
    // Whether it says anything is for 1.11 to judge.
    let _ = timeout(Case::SETTLING, first).await;
    let won = peer.win(key, &case.brief_claim("gone"), "it has never been used").await?;
    let won = peer.keep(key, &won).await?;
    if let End::ClosedAndDropped = end {
        let closed = timeout(Case::PATIENCE, peer.driver().close()).await;
        closed.map_err(|_| case.fail("close did not return in ten seconds (Driver::close)"))?;
    }
    drop(watch);
    drop(peer);
    Ok(won)
}

fn renewed(case: &Case, won: &WonLease, end: End, read: Option<&Lease>) -> crate::Verdict {
    case.fail(format!(
        "a driver was {end:?} while it held a lease for {}, and the record is still being renewed: \
         it is {}. Nothing is sent for a driver that is gone, and a driver never renews by itself \
         (Driver: Contract)",
        won.holder,
        shown(read)
    ))
}

/// The store drops the record, since it is not renewed.
async fn runs_out(case: &Case, witness: &Peer, key: &Key, won: &WonLease, end: End) -> Outcome {
    let limit = won.answered + case.longest(case.lease);
    loop {
        let asked = now();
        let read = witness.read(key).await?;
        if is_free(read.as_ref()) {
            return Ok(());
        }
        if asked > limit + case.lease {
            return Err(renewed(case, won, end, read.as_ref()));
        }
        sleep(case.lease / 30).await;
    }
}

/// Version and pulse stay what they were.
async fn stands_still(case: &Case, witness: &Peer, key: &Key, won: &WonLease, end: End) -> Outcome {
    let until = now() + 2 * case.lease;
    while now() < until {
        let read = witness.read(key).await?;
        let same = read.as_ref().is_some_and(|lease| {
            lease.version == won.lease.version && lease.pulse == won.lease.pulse
        });
        if !same {
            return Err(renewed(case, won, end, read.as_ref()));
        }
        sleep(case.lease / 30).await;
    }
    Ok(())
}

/// Connections end with the driver as well.
async fn no_connection_left(case: &Case) -> Outcome {
    let Some(proxy) = case.proxy().await? else {
        if !case.is_in_memory() {
            case.missing("connections that stay open (Harness::address)");
        }
        return Ok(());
    };
    for end in ENDS {
        case.count();
        let peer = case.peer_via(&proxy).await?;
        end_after_use(case, peer, &case.key(KeyKind::Lock), end).await?;
        let until = now() + Case::PATIENCE;
        while proxy.counts().open > 0 {
            if now() >= until {
                return Err(case.fail(format!(
                    "{} connections to the server are still open {:?} after the driver was \
                     {end:?} (Driver::close)",
                    proxy.counts().open,
                    Case::PATIENCE
                )));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// How many connections come and go. A store may keep one task for all of them.
const CONNECTIONS: usize = 4;

/// Tasks that a driver started end with it.
async fn no_task_left(case: &Case) -> Outcome {
    // What the first connection starts for good, such as a resolver, is not held against it.
    use_and_end(case, &case.key(KeyKind::Lock), End::ClosedAndDropped).await?;
    sleep(Case::SETTLING).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    for end in ENDS {
        case.count();
        let before = tasks();
        for _ in 0..CONNECTIONS {
            use_and_end(case, &case.key(KeyKind::Lock), end).await?;
        }
        let until = now() + Case::PATIENCE;
        while tasks() > before + 1 {
            if now() >= until {
                return Err(case.fail(format!(
                    "{} tasks that {CONNECTIONS} drivers had started are still there {:?} after \
                     the last of them was {end:?}; a driver's background work ends with it \
                     (Driver::close)",
                    tasks() - before,
                    Case::PATIENCE
                )));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}
