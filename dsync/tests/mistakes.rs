//! Mistakes of the Go original and of others that must not come back, each by name. Those that a
//! real API server is needed for are in `dsync-kube/tests/server`.

#![allow(clippy::similar_names, reason = "short tests")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{L, RETRY, both_kinds, pod, sleep, time};
use dsync::driver::{Driver as _, Key, KeyKind, Released, Verb};
use dsync::{Config, Dsync, Error, ErrorKind, Timing};
use dsync_mock::{Cut, MockDriver};

#[tokio::test(start_paused = true)]
async fn campaigns_only_once_go_dsync() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (first, second) = (a.election("task").unwrap(), b.election("task").unwrap());
        for (name, election) in [("a", &first), ("b", &second)] {
            let calls = Arc::clone(&calls);
            election.when_elected(move |term| {
                calls.lock().unwrap().push(name);
                async move { term.ended().await }
            });
        }
        first.elected().await.unwrap();
        sleep(RETRY).await;
        first.resign().await.unwrap();
        second.elected().await.unwrap();
        sleep(RETRY).await;
        second.resign().await.unwrap();
        first.elected().await.unwrap();
        sleep(RETRY).await;
        assert_eq!(*calls.lock().unwrap(), ["a", "b", "a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_or_empty_lock_lease_go_dsync() {
    for duration in [Duration::ZERO, Duration::MAX] {
        let config = Config::new("pod-a").with_timing(Timing::new(duration));
        let error = Dsync::new(MockDriver::new(), config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    // A holder that dies blocks no other for longer than its lease.
    let store = MockDriver::observer();
    let _dead = pod(&store, "pod-a").lock("thing").unwrap().lock().await.unwrap();
    store.partition("pod-a", Cut::Both);
    let lock = pod(&store, "pod-b").lock("thing").unwrap();
    let (took, guard) = time(lock.lock()).await;
    guard.unwrap().unlock().await.unwrap();
    assert!(took <= L + RETRY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_release_wipes_the_lease_of_the_successor_client_go() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let first = a.election("task").unwrap();
        first.elected().await.unwrap();
        let first_lease = store.record(first.key()).unwrap();
        let second = b.election("task").unwrap();
        sleep(RETRY).await;
        first.stop().await.unwrap();
        second.elected().await.unwrap();
        let released = store.client("pod-a").release(second.key(), &first_lease).await.unwrap();
        assert_ne!(released, Released::Freed);
        sleep(L).await;
        assert!(second.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn is_leader_stays_true_after_the_loop_ended_client_go() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let term = election.elected().await.unwrap();
    election.stop().await.unwrap();
    sleep(L).await;
    assert!(!election.is_leader() && !term.is_active() && election.term().is_none());
    assert_eq!(election.leader(), None);
}

#[tokio::test(start_paused = true)]
async fn the_background_task_gives_up_after_a_few_errors_kubert() {
    let store = MockDriver::new();
    let down = Error::definite(ErrorKind::Unavailable, "connection refused");
    for verb in [Verb::Acquire, Verb::Read, Verb::Watch] {
        store.refuse("pod-a", verb, down.clone());
    }
    let election = pod(&store, "pod-a").election("task").unwrap();
    sleep(Duration::from_secs(24 * 3600)).await;
    store.heal("pod-a");
    let (took, elected) = time(election.elected()).await;
    elected.unwrap();
    assert!(took <= RETRY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hung_call_is_never_abandoned_kube_client() {
    let store = MockDriver::new();
    store.partition("pod-a", Cut::Answers);
    let election = pod(&store, "pod-a").election("task").unwrap();
    sleep(2 * RETRY).await;
    store.heal("pod-a");
    let (took, elected) = time(election.elected()).await;
    assert!(elected.unwrap().is_active());
    assert!(took <= 4 * RETRY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_campaign_returns_although_its_own_key_has_expired_etcd() {
    for store in both_kinds() {
        // A caller that waits for its election gets a term that is active, even if it looks late.
        let election = pod(&store, "pod-a").election("task").unwrap();
        election.elected().await.unwrap();
        store.partition("pod-a", Cut::Both);
        sleep(2 * L).await;
        assert!(tokio::time::timeout(L, election.elected()).await.is_err(), "there is no leader");
        store.heal("pod-a");
        assert!(election.elected().await.unwrap().is_active());
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_of_another_kind_shares_the_key() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let (election, lock) = (dsync.election("task").unwrap(), dsync.lock("task").unwrap());
    election.elected().await.unwrap();
    lock.try_lock().await.unwrap().expect("a lock is not an election").unlock().await.unwrap();
    assert_eq!(election.key(), &Key::new(KeyKind::Election, "default", "unscoped.election.task"));
}
