//! Writes whose request or answer is lost on the way to a server: what a driver makes of it.

use std::time::Duration;

use dsync::driver::{Acquired, Key, Kind, Released, Renewed};
use tokio::time::timeout;

use super::errors::judge;
use crate::proxy::{Direction, Fault, Proxy};
use crate::suite::case::{Case, Outcome};
use crate::suite::peer::{Grip, Peer, is_free, shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Acquire,
    Renew,
    Release,
}

/// How many writes failed; `None`: nothing can be put between driver and server.
pub(super) async fn test(case: &Case) -> Outcome<Option<u32>> {
    let Some(proxy) = case.proxy().await? else { return Ok(None) };
    let witness = case.peer().await?;
    let mut errors = 0;
    // The connection breaks at the next request, or at its answer: then the request has arrived.
    let no_request = Fault::CutAfter { direction: Direction::Requests, bytes: 0 };
    for fault in [no_request, Fault::LoseAnswer] {
        for kind in [Kind::Election, Kind::Lock] {
            for verb in [Verb::Acquire, Verb::Renew, Verb::Release] {
                for _ in 0..3 {
                    case.count();
                    errors += u32::from(lose(case, &proxy, &witness, fault, kind, verb).await?);
                }
            }
        }
    }
    Ok(Some(errors))
}

/// Whether the call failed.
async fn lose(
    case: &Case,
    proxy: &Proxy,
    witness: &Peer,
    fault: Fault,
    kind: Kind,
    verb: Verb,
) -> Outcome<bool> {
    let writer = case.peer_via(proxy).await?;
    let (key, warm_up) = (case.key(kind), case.key(kind));
    // The connection is there, whatever the driver does lazily.
    writer.read(&warm_up).await?;
    let claim = case.claim("writer");
    let grip = match verb {
        Verb::Acquire => None,
        _ => Some(writer.win(&key, &claim, "nobody has used it").await?),
    };
    let before = witness.read(&key).await?;

    proxy.set(fault);
    let limit = Duration::from_secs(2);
    let driver = writer.driver();
    // `Ok(true)`: it says that it was applied.
    let answer = match (verb, &grip) {
        (Verb::Renew, Some(Grip { lease, .. })) => timeout(limit, driver.renew(&key, lease))
            .await
            .map(|answer| answer.map(|answer| matches!(answer, Renewed::Kept(_)))),
        (Verb::Release, Some(Grip { lease, .. })) => timeout(limit, driver.release(&key, lease))
            .await
            .map(|answer| answer.map(|answer| answer == Released::Released)),
        _ => timeout(limit, driver.acquire(&key, &claim))
            .await
            .map(|answer| answer.map(|answer| matches!(answer, Acquired::Won(_)))),
    };
    proxy.heal();

    let is_applied = |record: Option<&dsync::driver::Lease>| match verb {
        Verb::Acquire => record.is_some_and(|lease| lease.is_held_by(&claim.holder)),
        Verb::Renew => match (record, &before) {
            (Some(now), Some(before)) => now.version != before.version || now.pulse != before.pulse,
            _ => false,
        },
        Verb::Release => is_free(record),
    };
    match answer {
        // A call that hangs is for the core to give up, and counts as ambiguous.
        Err(_) => Ok(true),
        Ok(Err(error)) => {
            judge(case, witness, &key, &format!("{verb:?}"), &error, is_applied).await?;
            Ok(true)
        }
        Ok(Ok(says_so)) => {
            let record = witness.read(&key).await?;
            // A renewal need not show where the store itself lets leases expire.
            let shows = verb != Verb::Renew || case.is_observer();
            if says_so && shows && !is_applied(record.as_ref()) {
                return Err(untrue(case, &key, verb, &shown(record.as_ref())));
            }
            Ok(false)
        }
    }
}

fn untrue(case: &Case, key: &Key, verb: Verb, found: &str) -> crate::Verdict {
    case.fail(format!(
        "{verb:?} of {key} was answered as if it had been applied, although the connection broke; \
         a read shows {found}"
    ))
}
