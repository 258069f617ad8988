//! Requests that land when their caller has long gone.

use std::time::Duration;

use dsync::Driver;
use dsync::driver::{Claim, Verb};
use dsync_mock::{Cut, MockDriver, Outcome};
use tokio::time::sleep;

use crate::help::*;

#[tokio::test(start_paused = true)]
async fn a_late_write_lands_at_its_instant_although_nobody_waits() {
    for (store, key) in cases() {
        store.late_next("pod-a", Verb::Acquire, L);
        let late = claim("pod-a");
        give_up(store.acquire(&key, &late), MS).await;
        sleep(L - 2 * MS).await;
        assert_eq!(store.record(&key), None);
        // Its lease runs from when it landed, not from when it was first read.
        sleep(L).await;
        let seen = store.record(&key).unwrap();
        assert!(seen.is_held_by(&late.holder));
        if !is_observer(&store) {
            assert!(seen.remaining.unwrap() <= MS);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_write_that_is_not_free_any_more_does_not_apply() {
    for (store, key) in cases() {
        store.late_next("pod-a", Verb::Acquire, L / 2);
        give_up(store.acquire(&key, &claim("pod-a")), MS).await;
        let lease = win(&store, &key, "pod-b").await;
        sleep(L / 2).await;
        assert_eq!(store.holder(&key).as_deref(), Some("pod-b"));
        assert_eq!(store.record(&key).unwrap().version, lease.version);
        assert_eq!(store.requests()[0].outcome, Outcome::Held);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_renewal_of_a_lost_lease_does_not_apply() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        store.late_next("pod-a", Verb::Renew, 2 * L);
        give_up(store.renew(&key, &lease), MS).await;
        sleep(L).await;
        let second = take(&store, &key, "pod-b").await.unwrap();
        sleep(L - MS).await;
        assert_eq!(store.record(&key).unwrap().version, second.version);
        assert_eq!(store.requests()[1].outcome, Outcome::Lost);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_release_frees_only_its_own() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        store.late_next("pod-a", Verb::Release, L / 2);
        give_up(store.release(&key, &lease), MS).await;
        assert_eq!(store.holder(&key).as_deref(), Some("pod-a"));
        sleep(L / 2).await;
        assert!(is_free(store.record(&key).as_ref()));
    }
}

#[tokio::test(start_paused = true)]
async fn watches_are_told_when_a_late_write_lands() {
    for (store, key) in cases() {
        let mut watch = store.client("pod-b").watch(&key);
        assert_eq!(shown(&mut watch).await, None);
        store.late_next("pod-a", Verb::Acquire, L);
        let late = claim("pod-a");
        let (record, ()) = tokio::join!(shown(&mut watch), give_up(store.acquire(&key, &late), MS));
        let record = record.unwrap();
        assert!(record.is_held_by(&late.holder));
        if !is_observer(&store) {
            assert_eq!(record.remaining, Some(L), "shown at the instant when it landed");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_request_lands_although_its_caller_gave_up() {
    for (store, key) in cases() {
        store.delay_requests("pod-a", 100 * MS);
        let claim = claim("pod-a");
        give_up(store.acquire(&key, &claim), 50 * MS).await;
        assert_eq!(store.record(&key), None);
        // A partition does not call back what was sent.
        store.partition("pod-a", Cut::Requests);
        sleep(50 * MS).await;
        assert!(store.record(&key).unwrap().is_held_by(&claim.holder));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_land_in_the_order_of_their_instants() {
    let (store, key) = (MockDriver::new(), election());
    store.late_next("pod-a", Verb::Acquire, 20 * MS);
    store.late_next("pod-b", Verb::Acquire, 10 * MS);
    for name in ["pod-a", "pod-b"] {
        let short = Claim::new(claim(name).holder, 10 * MS);
        give_up(store.acquire(&key, &short), Duration::ZERO).await;
    }
    sleep(25 * MS).await;
    let outcomes: Vec<_> = store.requests().iter().map(|request| request.outcome).collect();
    assert_eq!(outcomes, [Outcome::Won, Outcome::Won], "the first had just run out");
    assert_eq!(store.holder(&key).as_deref(), Some("pod-a"));
}

#[tokio::test(start_paused = true)]
async fn a_delay_without_end_is_a_lost_request() {
    let (store, key) = (MockDriver::new(), election());
    store.delay_requests("pod-a", Duration::MAX);
    assert!(hangs(store.acquire(&key, &claim("pod-a"))).await);
    assert_eq!(store.requests()[0].outcome, Outcome::NeverArrived);
}
