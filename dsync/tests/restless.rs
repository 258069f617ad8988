//! What once cost a store more than it had to: each of these sent requests without an end.
#![allow(clippy::similar_names, reason = "short tests")]

mod common;

use std::time::Duration;

use common::{L, RETRY, eventually, pod, sleep};
use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Key, Lease, Released, Renewed, Verb, Watch, WatchScope,
};
use dsync::{Dsync, Result, async_trait};
use dsync_mock::MockDriver;

#[tokio::test(start_paused = true)]
async fn a_watch_that_tells_of_releases_alone_is_trusted_again_after_it_broke() {
    let store = MockDriver::new().with_watch(WatchScope::Releases);
    let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
    let (leader, follower) = (a.election("task").unwrap(), b.election("task").unwrap());
    leader.elected().await.unwrap();
    store.break_watches("pod-b");
    sleep(5 * RETRY).await;
    store.clear_log();
    sleep(10 * L).await;
    let of_b = |request: &&dsync_mock::Request| request.instance.as_deref() == Some("pod-b");
    let sent = store.requests().iter().filter(of_b).count();
    assert!(sent <= 11, "one try in a lease duration, but {sent} requests in ten");

    leader.stop().await.unwrap();
    eventually("the follower notices the release", || follower.is_leader()).await;
}

/// A store that shows what was there before, and takes releases for done.
#[derive(Debug)]
struct Stuck {
    store: MockDriver,
    keeps_released: bool,
    conflicts: bool,
}

#[async_trait]
impl Driver for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        self.store.read(key).await
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        self.store.acquire(key, claim).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        if self.conflicts {
            self.store.read(key).await?;
            return Ok(Renewed::Conflict);
        }
        self.store.renew(key, lease).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        if self.keeps_released {
            return Ok(Released::Freed);
        }
        self.store.release(key, lease).await
    }

    fn watch(&self, key: &Key) -> Watch {
        self.store.watch(key)
    }

    async fn close(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_record_that_changes_all_the_time_is_not_read_all_the_time() {
    let store = MockDriver::observer();
    let stuck = Stuck { store: store.client("pod-a"), keeps_released: false, conflicts: true };
    let dsync = Dsync::new(stuck, "pod-a").unwrap();
    let election = dsync.election("task").unwrap();
    let term = election.elected().await.unwrap();
    store.clear_log();
    term.ended().await;
    let reads = store.count(Verb::Read);
    assert!(reads < 40, "{reads} reads in one term");
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_not_released_although_the_store_says_so_is_not_tried_for_ever() {
    let store = MockDriver::new();
    let stuck = Stuck { store: store.client("pod-a"), keeps_released: true, conflicts: false };
    let lock = Dsync::new(stuck, "pod-a").unwrap().lock("thing").unwrap();
    lock.lock().await.unwrap().unlock().await.unwrap();
    store.clear_log();
    let limit = Duration::from_secs(14);
    let tried = tokio::time::timeout(limit, lock.try_lock()).await.expect("it ends");
    assert!(tried.unwrap().is_none());
    let tries = store.count(Verb::Acquire);
    assert!(tries <= 4, "{tries} acquisitions");
}
