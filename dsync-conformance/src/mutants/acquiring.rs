//! Acquisitions, right and wrong.

use std::time::Duration;

use dsync::driver::{Acquired, Claim, Driver, Key, Lease};
use dsync::{Error, ErrorKind, FencingToken, Result};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::{Flaw, Flawed};
use crate::context::peer::is_free;

pub(super) async fn acquire(flawed: &Flawed, key: &Key, claim: &Claim) -> Result<Acquired> {
    let store = &flawed.inner;
    let mut meant = claim.clone();
    meant.holder = flawed.stored(&claim.holder);
    meant.duration = flawed.duration(claim.duration);
    meant.take_over = claim.take_over.as_ref().map(|version| flawed.meant_version(key, version));
    let there = store.record(key);
    match flawed.flaw {
        Flaw::ReadsThenWrites => {
            if !is_free(store.read(key).await?.as_ref()) {
                return Ok(Acquired::Held(None));
            }
            yield_now().await;
            store.overwrite(key, meant.holder.as_str(), meant.duration);
            return Ok(store.record(key).map_or(Acquired::Held(None), Acquired::Won));
        }
        Flaw::IgnoresTakeOver if meant.take_over.is_some() => {
            meant.take_over = there.as_ref().map(|record| record.version.clone());
        }
        Flaw::TakesVacantAtAnyVersion if is_free(there.as_ref()) => meant.take_over = None,
        Flaw::TakesALiveRecord => store.expire(key),
        _ => {}
    }
    let mut acquired = store.acquire(key, &meant).await?;
    while flawed.has(Flaw::AcquireWaits) && matches!(acquired, Acquired::Held(_)) {
        sleep(Duration::from_millis(10)).await;
        acquired = store.acquire(key, &meant).await?;
    }
    match acquired {
        Acquired::Won(lease) => Ok(Acquired::Won(won(flawed, key, claim, there.as_ref(), lease))),
        Acquired::Held(_) if flawed.has(Flaw::ContentionIsAnError) => {
            Err(Error::definite(ErrorKind::Denied, "409: somebody else holds it"))
        }
        Acquired::Held(record) => Ok(Acquired::Held(record.map(|lease| flawed.shown(key, lease)))),
    }
}

/// The lease that was won, as it is shown.
fn won(
    flawed: &Flawed,
    key: &Key,
    claim: &Claim,
    before: Option<&Lease>,
    mut lease: Lease,
) -> Lease {
    {
        let mut facts = flawed.shared.lock();
        facts.renewals.remove(key);
        if before.is_none() {
            let base = match flawed.flaw {
                Flaw::VersionsRepeat => lease.version.as_str().parse().unwrap_or_default(),
                _ => lease.fencing_token.get(),
            };
            facts.bases.insert(key.clone(), base - 1);
        }
    }
    if flawed.has(Flaw::TokenPerConnection) {
        let mut own = flawed.own.lock();
        own.tokens += 1;
        lease.fencing_token = FencingToken::new(own.tokens);
    }
    lease = flawed.shown(key, lease);
    // What was won always looks as it was asked for.
    lease.holder = Some(claim.holder.clone());
    lease.duration = Some(claim.duration);
    lease
}
