//! Watches show the last state, on time, and keep no queue.

use dsync::Driver;
use dsync::driver::{Observation, WatchScope};
use dsync_mock::MockDriver;
use tokio::time::{sleep, timeout};

use crate::help::*;

#[tokio::test(start_paused = true)]
async fn a_watch_begins_with_the_state_and_tells_each_change() {
    for (store, key) in cases() {
        let mut early = store.watch(&key);
        assert_eq!(shown(&mut early).await, None);
        let lease = win(&store, &key, "pod-a").await;
        assert_eq!(shown(&mut early).await.unwrap(), lease);
        let mut late = store.watch(&key);
        assert_eq!(shown(&mut late).await.unwrap(), lease);
        let lease = keep(&store, &key, &lease).await;
        for watch in [&mut early, &mut late] {
            let seen = next(watch).await.unwrap().unwrap();
            if is_observer(&store) {
                assert_eq!(seen, Observation::Record(Some(lease.clone())));
            } else {
                assert_eq!(seen, Observation::Heartbeat, "the record did not change");
            }
        }
        release(&store, &key, &lease).await;
        assert!(is_free(shown(&mut early).await.as_ref()));
        assert!(is_free(shown(&mut late).await.as_ref()));
        assert!(silent(&mut early, 10 * L).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_watcher_hears_the_last_state_only() {
    for (store, key) in cases() {
        let mut watch = store.watch(&key);
        for _ in 0..1_000 {
            let lease = take(&store, &key, "pod-a").await.unwrap();
            release(&store, &key, &lease).await;
        }
        let last = win(&store, &key, "pod-b").await;
        assert_eq!(shown(&mut watch).await.unwrap(), last);
        assert!(silent(&mut watch, L - MS).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_an_expiry_on_time() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        let mut watch = store.watch(&key);
        shown(&mut watch).await;
        sleep(L / 2).await;
        let lease = keep(&store, &key, &lease).await;
        if is_observer(&store) {
            assert_eq!(shown(&mut watch).await.unwrap(), lease);
            assert!(silent(&mut watch, 10 * L).await, "the store does not let it expire");
        } else {
            assert_eq!(next(&mut watch).await.unwrap().unwrap(), Observation::Heartbeat);
            assert!(silent(&mut watch, L - MS).await);
            assert_eq!(timeout(MS, shown(&mut watch)).await, Ok(None));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_of_its_own_key_only() {
    for (store, key) in cases() {
        let other = if key == election() { lock() } else { election() };
        let mut watch = store.watch(&other);
        shown(&mut watch).await;
        let lease = win(&store, &key, "pod-a").await;
        release(&store, &key, &lease).await;
        assert!(silent(&mut watch, L).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_releases_tells_nothing_else() {
    for store in [MockDriver::new(), MockDriver::observer()] {
        let (store, key) = (store.with_watch(WatchScope::Releases), lock());
        let mut watch = store.watch(&key);
        assert_eq!(next(&mut watch).await.unwrap().unwrap(), Observation::Heartbeat, "it works");
        let lease = win(&store, &key, "pod-a").await;
        let lease = keep(&store, &key, &lease).await;
        assert!(silent(&mut watch, L - MS).await);
        assert_eq!(release(&store, &key, &lease).await, dsync::driver::Released::Freed);
        assert_eq!(shown(&mut watch).await, None);
        win(&store, &key, "pod-b").await;
        assert!(silent(&mut watch, 2 * L).await, "an expiry is none");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_between_the_start_and_the_first_poll_is_told() {
    let (store, key) = (MockDriver::new().with_watch(WatchScope::Releases), lock());
    let lease = win(&store, &key, "pod-a").await;
    let mut watch = store.watch(&key);
    release(&store, &key, &lease).await;
    assert_eq!(next(&mut watch).await.unwrap().unwrap(), Observation::Heartbeat);
    assert_eq!(shown(&mut watch).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_watch_is_woken_by_a_change() {
    for (store, key) in cases() {
        let mut watch = store.watch(&key);
        shown(&mut watch).await;
        let change = async {
            sleep(MS).await;
            win(&store, &key, "pod-a").await
        };
        let (seen, won) = tokio::join!(shown(&mut watch), change);
        assert_eq!(seen.unwrap(), won);
    }
}
