use std::sync::Arc;
use std::time::{Duration, Instant};

use dsync::driver::{Acquired, Claim, Driver as _, Holder, Key, KeyKind, Nonce, Renewed};
use dsync::{EndCause, Resource};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::test_server::{L, TestServer, block_on, scope};

async fn patch(server: &TestServer, name: &str, change: serde_json::Value) {
    let leases = server.leases().await;
    leases.patch(name, &PatchParams::default(), &Patch::Merge(change)).await.unwrap();
}

pub(crate) fn label(server: Arc<TestServer>) {
    block_on(async {
        let dsync = server.pod("pod-a", &scope("label")).await;
        let election = dsync.election("task").unwrap();
        let term = election.elected().await.unwrap();
        let start = Instant::now();
        let mut edits = 0;
        while start.elapsed() < 2 * L {
            edits += 1;
            let change = json!({"metadata": {"labels": {"edited": edits.to_string()}}});
            patch(&server, election.key().name(), change).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert!(term.is_active(), "{:?}", term.cause());
        let lease = server.leases().await.get(election.key().name()).await.unwrap();
        assert_eq!(lease.metadata.labels.unwrap()["edited"], edits.to_string());
        dsync.shutdown().await;
    });
}

pub(crate) fn deleted(server: Arc<TestServer>) {
    block_on(async {
        let dsync = server.pod("pod-a", &scope("deleted")).await;
        let election = dsync.election("task").unwrap();
        let term = election.elected().await.unwrap();
        server.leases().await.delete(election.key().name(), &<_>::default()).await.unwrap();
        tokio::time::timeout(L, term.ended()).await.expect("the loss is noticed");
        assert_eq!(term.cause(), Some(EndCause::Lost));
        let next = election.elected().await.unwrap();
        assert!(next.fencing_token() > term.fencing_token(), "also across the deletion");
        dsync.shutdown().await;

        // At the level of the driver: a renewal does not create a deleted Lease again.
        let driver = server.driver().await;
        let key = Resource::new("x").with_scope(scope("put")).key(KeyKind::Election);
        let claim = Claim::new(Holder::new("pod-a", Nonce::new(1)), L);
        let Acquired::Won(lease) = driver.acquire(&key, &claim).await.unwrap() else { panic!() };
        server.leases().await.delete(key.name(), &<_>::default()).await.unwrap();
        let renewed = driver.renew(&key, &lease).await.unwrap();
        assert!(!matches!(renewed, Renewed::Kept(_)), "{renewed:?}");
        assert!(driver.read(&key).await.unwrap().is_none());
    });
}

pub(crate) fn emptied(server: Arc<TestServer>) {
    block_on(async {
        let dsync = server.pod("pod-a", &scope("emptied")).await;
        let election = dsync.election("task").unwrap();
        let term = election.elected().await.unwrap();
        patch(&server, election.key().name(), json!({"spec": {"holderIdentity": ""}})).await;
        tokio::time::timeout(L, term.ended()).await.expect("the loss is noticed");
        assert_eq!(term.cause(), Some(EndCause::Lost));
        election.elected().await.unwrap();
        dsync.shutdown().await;
    });
}

pub(crate) fn edits_of_a_dead_leader(server: Arc<TestServer>) {
    block_on(async {
        let scope = scope("dead");
        let heir = server.pod("pod-b", &scope).await;
        let driver = server.driver().await;
        let name = format!("{scope}.election.task");
        let key = Key::new(KeyKind::Election, "default", name.as_str());
        let claim = Claim::new(Holder::new("pod-a", Nonce::new(1)), L);
        assert!(matches!(driver.acquire(&key, &claim).await.unwrap(), Acquired::Won(_)));
        let election = heir.election("task").unwrap();
        let start = Instant::now();
        let mut edits = 0;
        while !election.is_leader() {
            assert!(start.elapsed() <= L + Duration::from_secs(2), "{edits} edits kept it alive");
            edits += 1;
            let change = json!({"metadata": {"annotations": {"edited": edits.to_string()}}});
            patch(&server, &name, change).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!(start.elapsed() >= L - Duration::from_millis(50), "{:?}", start.elapsed());
        heir.shutdown().await;
    });
}

pub(crate) fn lock_leaves_nothing(server: Arc<TestServer>) {
    block_on(async {
        let dsync = server.pod("pod-a", &scope("nothing")).await;
        let lock = dsync.lock("account").unwrap();
        let guard = lock.lock().await.unwrap();
        assert_eq!(lock.holder().await.unwrap().as_deref(), Some("pod-a"));
        assert!(lock.try_lock().await.unwrap().is_none());
        let waiter = {
            let lock = lock.clone();
            tokio::spawn(async move { lock.lock().await })
        };
        // This read is sent after the first attempt of the waiter, and is answered, so the attempt
        // has been sent.
        tokio::task::yield_now().await;
        assert_eq!(lock.holder().await.unwrap().as_deref(), Some("pod-a"));
        guard.unlock().await.unwrap();
        let released = Instant::now();
        let next = waiter.await.unwrap().unwrap();
        println!("lock hand-off after {:?}", released.elapsed());
        next.unlock().await.unwrap();
        assert!(server.leases().await.get_opt(lock.key().name()).await.unwrap().is_none());
        dsync.shutdown().await;
    });
}
