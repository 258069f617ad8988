//! Short forms of what every test does.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dsync::driver::{
    Acquired, Claim, Holder, Key, KeyKind, Lease, Nonce, Observation, Released, Renewed, Watch,
};
use dsync::{Driver, Resource, Result};
use dsync_mock::MockDriver;
use tokio::time::timeout;

/// The duration of every lease here.
pub(crate) const L: Duration = Duration::from_secs(15);
pub(crate) const MS: Duration = Duration::from_millis(1);

pub(crate) fn election() -> Key {
    Resource::new("token-manager").key(KeyKind::Election)
}

pub(crate) fn lock() -> Key {
    Resource::new("account-42").key(KeyKind::Lock)
}

/// Each kind of store with each kind of key.
pub(crate) fn cases() -> [(MockDriver, Key); 4] {
    [
        (MockDriver::new(), election()),
        (MockDriver::new(), lock()),
        (MockDriver::observer(), election()),
        (MockDriver::observer(), lock()),
    ]
}

pub(crate) fn is_observer(store: &MockDriver) -> bool {
    store.capabilities().expiry == dsync::driver::Expiry::Observer
}

/// A claim with a nonce of its own.
pub(crate) fn claim(instance: &str) -> Claim {
    static NONCE: AtomicU64 = AtomicU64::new(1);
    Claim::new(Holder::new(instance, Nonce::new(NONCE.fetch_add(1, Ordering::Relaxed))), L)
}

pub(crate) async fn acquire(store: &MockDriver, key: &Key, claim: &Claim) -> Option<Lease> {
    match store.acquire(key, claim).await.expect("the store answers") {
        Acquired::Won(lease) => Some(lease),
        Acquired::Held(_) => None,
    }
}

pub(crate) async fn win(store: &MockDriver, key: &Key, instance: &str) -> Lease {
    let lease = acquire(store, key, &claim(instance)).await;
    lease.unwrap_or_else(|| panic!("{instance} acquires {key} of {store:?}"))
}

/// Takes over what is on record, if the store leaves that to the candidates.
pub(crate) async fn take(store: &MockDriver, key: &Key, instance: &str) -> Option<Lease> {
    let seen = store.record(key).filter(|_| is_observer(store)).map(|lease| lease.version);
    acquire(store, key, &claim(instance).with_take_over(seen)).await
}

pub(crate) async fn renew(store: &MockDriver, key: &Key, lease: &Lease) -> Renewed {
    store.renew(key, lease).await.expect("the store answers")
}

pub(crate) async fn keep(store: &MockDriver, key: &Key, lease: &Lease) -> Lease {
    match renew(store, key, lease).await {
        Renewed::Kept(lease) => lease,
        other => panic!("{store:?} keeps the lease: {other:?}"),
    }
}

pub(crate) async fn release(store: &MockDriver, key: &Key, lease: &Lease) -> Released {
    store.release(key, lease).await.expect("the store answers")
}

/// Whether a call is still without an answer after a day.
pub(crate) async fn hangs<T>(call: impl Future<Output = T>) -> bool {
    timeout(Duration::from_secs(86_400), call).await.is_err()
}

/// Sends a call and gives it up after `patience`.
pub(crate) async fn give_up<T>(call: impl Future<Output = T>, patience: Duration) {
    assert!(timeout(patience, call).await.is_err(), "the call has no answer yet");
}

pub(crate) async fn next(watch: &mut Watch) -> Option<Result<Observation>> {
    poll_fn(|context| futures_core::Stream::poll_next(watch.as_mut(), context)).await
}

/// The record that a watch shows next.
pub(crate) async fn shown(watch: &mut Watch) -> Option<Lease> {
    match next(watch).await {
        Some(Ok(Observation::Record(record))) => record,
        other => panic!("the watch shows a record: {other:?}"),
    }
}

/// Whether a watch reports nothing for as long as `while_`.
pub(crate) async fn silent(watch: &mut Watch, while_: Duration) -> bool {
    timeout(while_, next(watch)).await.is_err()
}

pub(crate) fn is_free(record: Option<&Lease>) -> bool {
    record.is_none_or(|lease| lease.holder.is_none())
}
