//! Renewals and releases, right and wrong.

use dsync::Result;
use dsync::driver::{Acquired, Claim, Driver, Key, KeyKind, Lease, Released, Renewed};
use tokio::task::yield_now;

use super::connection::MutantDriver;
use super::ghosts;
use super::list::Mutant;

pub(super) async fn renew(driver: &MutantDriver, key: &Key, lease: &Lease) -> Result<Renewed> {
    let store = &driver.inner;
    let meant = driver.meant(key, lease);
    let there = store.record(key);
    let is_own = there.as_ref().is_some_and(|record| {
        record.holder.is_some() && record.holder == meant.holder && record.version == meant.version
    });
    let (holder, duration) = (meant.holder.clone(), meant.duration.unwrap_or_default());
    match (driver.mutant, holder) {
        (Mutant::RenewsNothing, _) if is_own => return Ok(Renewed::Kept(lease.clone())),
        (Mutant::RenewsAnothers, Some(holder)) if there.is_some() && !is_own => {
            store.overwrite(key, holder.as_str(), duration);
            return Ok(kept(driver, key, lease));
        }
        (Mutant::RenewRecreates, Some(holder)) if there.is_none() => {
            if let Acquired::Won(_) = store.acquire(key, &Claim::new(holder, duration)).await? {
                return Ok(kept(driver, key, lease));
            }
        }
        (Mutant::RenewsInTwoSteps, Some(holder)) if is_own => {
            store.delete(key);
            yield_now().await;
            store.overwrite(key, holder.as_str(), duration);
            return Ok(kept(driver, key, lease));
        }
        _ => {}
    }
    Ok(match store.renew(key, &meant).await? {
        Renewed::Kept(_) => {
            *driver.shared.lock().renewals.entry(key.clone()).or_default() += 1;
            kept(driver, key, lease)
        }
        Renewed::Lost(record) => Renewed::Lost(record.map(|lease| driver.shown(key, lease))),
        Renewed::Conflict => Renewed::Conflict,
    })
}

/// The record as it is now, in the shape of what was asked for.
fn kept(driver: &MutantDriver, key: &Key, asked: &Lease) -> Renewed {
    let Some(record) = driver.inner.record(key) else { return Renewed::Lost(None) };
    let mut lease = driver.shown(key, record);
    lease.holder.clone_from(&asked.holder);
    lease.duration = asked.duration;
    Renewed::Kept(lease)
}

pub(super) async fn release(driver: &MutantDriver, key: &Key, lease: &Lease) -> Result<Released> {
    let store = &driver.inner;
    let meant = driver.meant(key, lease);
    let is_own = store
        .record(key)
        .is_some_and(|record| record.holder == meant.holder && record.version == meant.version);
    match driver.mutant {
        Mutant::ReleasesNothing if is_own => return Ok(Released::Freed),
        Mutant::ReleasesAnothers => {
            store.expire(key);
            return Ok(Released::Freed);
        }
        Mutant::LeavesVacantLocks if is_own && key.kind() == KeyKind::Lock => {
            store.empty(key);
            return Ok(Released::Freed);
        }
        Mutant::ReleasesLate if is_own => {
            let wait = meant.duration.unwrap_or_default() / 2;
            ghosts::release_later(store.clone(), key.clone(), meant, wait);
            return Ok(Released::Freed);
        }
        _ => {}
    }
    store.release(key, &meant).await
}
