//! The log of requests.

use std::time::Duration;

use dsync::driver::Verb;
use dsync::{Driver, Error, ErrorKind};
use dsync_mock::{Cut, MockDriver, Outcome};
use tokio::time::sleep;

use crate::help::*;

#[tokio::test(start_paused = true)]
async fn the_log_tells_who_asked_what_when_and_what_became_of_it() {
    let (store, key) = (MockDriver::new(), election());
    let (a, b) = (store.clone(), store.client("pod-b"));
    a.read(&key).await.unwrap();
    sleep(5 * MS).await;
    let lease = win(&a, &key, "pod-a").await;
    acquire(&b, &key, &claim("pod-b")).await;
    drop(b.watch(&key));
    a.read(&key).await.unwrap();
    let lease = keep(&a, &key, &lease).await;
    release(&a, &key, &lease).await;
    release(&a, &key, &lease).await;
    renew(&a, &key, &lease).await;
    store.fail_next("pod-b", Verb::Read, Error::definite(ErrorKind::Throttled, "slow down"));
    b.read(&key).await.unwrap_err();
    store.partition("pod-b", Cut::Requests);
    give_up(b.read(&key), MS).await;

    let requests = store.requests();
    assert!(requests.iter().all(|request| request.key == key));
    assert_eq!((requests[0].at, requests[1].at), (Duration::ZERO, 5 * MS));
    let seen: Vec<_> = requests
        .iter()
        .map(|request| (request.instance.as_deref(), request.verb, request.outcome))
        .collect();
    assert_eq!(
        seen,
        [
            (None, Verb::Read, Outcome::Read),
            (Some("pod-a"), Verb::Acquire, Outcome::Won),
            (Some("pod-b"), Verb::Acquire, Outcome::Held),
            (Some("pod-b"), Verb::Watch, Outcome::Watching),
            (Some("pod-a"), Verb::Read, Outcome::Read),
            (Some("pod-a"), Verb::Renew, Outcome::Kept),
            (Some("pod-a"), Verb::Release, Outcome::Released),
            (Some("pod-a"), Verb::Release, Outcome::NotHeld),
            (Some("pod-a"), Verb::Renew, Outcome::Lost),
            (Some("pod-b"), Verb::Read, Outcome::Failed(ErrorKind::Throttled)),
            (Some("pod-b"), Verb::Read, Outcome::NeverArrived),
        ]
    );
    assert_eq!(store.count(Verb::Read), 4);
    assert_eq!(store.count(Verb::Acquire), 2);
    assert_eq!(store.count(Verb::Watch), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cleared_log_starts_again_and_looking_in_is_no_request() {
    let (store, key) = (MockDriver::new(), election());
    store.late_next("pod-a", Verb::Acquire, 10 * MS);
    give_up(store.acquire(&key, &claim("pod-a")), MS).await;
    assert_eq!(store.requests()[0].outcome, Outcome::Underway);
    store.clear_log();
    assert_eq!(store.record(&key), None);
    assert_eq!(store.holder(&key), None);
    assert!(store.requests().is_empty());
    assert_eq!(store.count(Verb::Acquire), 0);
    store.read(&key).await.unwrap();
    sleep(10 * MS).await;
    assert_eq!(store.holder(&key).as_deref(), Some("pod-a"));
    assert_eq!(store.requests().len(), 1);
    assert_eq!(store.requests()[0].outcome, Outcome::Read, "not that of an entry cleared earlier");
}

#[tokio::test(start_paused = true)]
async fn a_long_log_forgets_the_oldest_but_counts_them() {
    let (store, key) = (MockDriver::new(), election());
    for _ in 0..70_000 {
        store.read(&key).await.unwrap();
    }
    assert_eq!(store.requests().len(), 65_536);
    assert_eq!(store.count(Verb::Read), 70_000);
    assert!(store.requests().iter().all(|request| request.outcome == Outcome::Read));
}
