//! Acquisitions, right and wrong.

use std::time::Duration;

use dsync::driver::{Acquired, Claim, Driver, Key, Lease};
use dsync::{Error, ErrorKind, FencingToken, Result};
use tokio::task::yield_now;
use tokio::time::sleep;

use super::connection::MutantDriver;
use super::list::Mutant;
use crate::context::is_free;

pub(super) async fn acquire(driver: &MutantDriver, key: &Key, claim: &Claim) -> Result<Acquired> {
    let store = &driver.inner;
    let mut meant = claim.clone();
    meant.holder = driver.stored(&claim.holder);
    meant.duration = driver.duration(claim.duration);
    meant.take_over = claim.take_over.as_ref().map(|version| driver.meant_version(key, version));
    let there = store.record(key);
    match driver.mutant {
        Mutant::ReadsThenWrites => {
            if !is_free(store.read(key).await?.as_ref()) {
                return Ok(Acquired::Held(None));
            }
            yield_now().await;
            store.overwrite(key, meant.holder.as_str(), meant.duration);
            return Ok(store.record(key).map_or(Acquired::Held(None), Acquired::Won));
        }
        Mutant::IgnoresTakeOver if meant.take_over.is_some() => {
            meant.take_over = there.as_ref().map(|record| record.version.clone());
        }
        Mutant::TakesVacantAtAnyVersion if is_free(there.as_ref()) => meant.take_over = None,
        Mutant::TakesALiveRecord => store.expire(key),
        _ => {}
    }
    let mut acquired = store.acquire(key, &meant).await?;
    while driver.has(Mutant::AcquireWaits) && matches!(acquired, Acquired::Held(_)) {
        sleep(Duration::from_millis(10)).await;
        acquired = store.acquire(key, &meant).await?;
    }
    match acquired {
        Acquired::Won(lease) => Ok(Acquired::Won(won(driver, key, claim, there.as_ref(), lease))),
        Acquired::Held(_) if driver.has(Mutant::ContentionIsAnError) => {
            Err(Error::definite(ErrorKind::Denied, "409: another candidate holds it"))
        }
        Acquired::Held(record) => Ok(Acquired::Held(record.map(|lease| driver.shown(key, lease)))),
    }
}

/// The lease that was won, as it is shown.
fn won(
    driver: &MutantDriver,
    key: &Key,
    claim: &Claim,
    before: Option<&Lease>,
    mut lease: Lease,
) -> Lease {
    {
        let mut facts = driver.shared.lock();
        facts.renewals.remove(key);
        if before.is_none() {
            let base = match driver.mutant {
                Mutant::VersionsRepeat => lease.version.as_str().parse().unwrap_or_default(),
                _ => lease.fencing_token.get(),
            };
            facts.bases.insert(key.clone(), base - 1);
        }
    }
    if driver.has(Mutant::TokenPerConnection) {
        let mut own = driver.own.lock();
        own.tokens += 1;
        lease.fencing_token = FencingToken::new(own.tokens);
    }
    lease = driver.shown(key, lease);
    // What was won always looks as it was asked for.
    lease.holder = Some(claim.holder.clone());
    lease.duration = Some(claim.duration);
    lease
}
