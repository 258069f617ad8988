//! Background work that outlives its driver.

use std::future::pending;
use std::time::Duration;

use dsync::driver::{Driver, Key, Lease, Renewed};
use dsync_mock::MockDriver;
use tokio::runtime::Handle;
use tokio::time::sleep;

fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    // A driver may be dropped after its runtime.
    if let Ok(runtime) = Handle::try_current() {
        drop(runtime.spawn(task));
    }
}

pub(super) fn renew_for_ever(store: MockDriver, key: Key, mut lease: Lease) {
    let period = lease.duration.unwrap_or(Duration::from_secs(1)) / 3;
    spawn(async move {
        while let Ok(Renewed::Kept(kept)) = store.renew(&key, &lease).await {
            lease = kept;
            sleep(period).await;
        }
    });
}

pub(super) fn linger() {
    spawn(pending());
}

pub(super) fn release_later(store: MockDriver, key: Key, lease: Lease, wait: Duration) {
    spawn(async move {
        sleep(wait).await;
        // It may have run out by then.
        drop(store.release(&key, &lease).await);
    });
}
