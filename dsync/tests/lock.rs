//! Locks, as a user sees them.
#![allow(clippy::similar_names, clippy::unchecked_time_subtraction, reason = "short tests")]

mod common;

use std::time::Duration;

use common::{L, RENEW_DEADLINE, RETRY, both_kinds, eventually, pod, sleep, time};
use dsync::ErrorKind;
use dsync::driver::Verb;
use dsync_mock::Cut;

#[tokio::test(start_paused = true)]
async fn lock_and_unlock_are_one_write_each_and_leave_nothing() {
    for store in both_kinds() {
        let lock = pod(&store, "pod-a").lock("thing").unwrap();
        let guard = lock.lock().await.unwrap();
        assert!(guard.is_held());
        assert_eq!(lock.holder().await.unwrap().as_deref(), Some("pod-a"));
        store.clear_log();
        guard.unlock().await.unwrap();
        let again = lock.lock().await.unwrap();
        let verbs: Vec<_> = store.requests().iter().map(|request| request.verb).collect();
        assert_eq!(verbs, [Verb::Release, Verb::Acquire]);
        again.unlock().await.unwrap();
        assert!(store.record(lock.key()).is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_renewed_for_as_long_as_it_is_held() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let guard = a.lock("thing").unwrap().lock().await.unwrap();
        let other = b.lock("thing").unwrap();
        let (took, none) = time(other.lock_timeout(10 * L)).await;
        assert!(none.unwrap().is_none());
        assert_eq!(took, 10 * L);
        assert!(guard.is_held());
        guard.unlock().await.unwrap();
        other.try_lock().await.unwrap().expect("it is free").unlock().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_gets_the_lock_as_soon_as_it_is_released() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let guard = a.lock("thing").unwrap().lock().await.unwrap();
        let token = guard.fencing_token();
        let other = b.lock("thing").unwrap();
        let wait = tokio::task::LocalSet::new();
        let next = wait
            .run_until(async {
                let waiter = tokio::task::spawn_local(async move { other.lock().await.unwrap() });
                sleep(2 * RETRY).await;
                drop(guard);
                let (took, next) = time(waiter).await;
                assert!(took < Duration::from_millis(10), "{took:?}");
                next.unwrap()
            })
            .await;
        assert!(next.fencing_token() > token);
    }
}

#[tokio::test(start_paused = true)]
async fn try_lock_never_waits_and_sees_a_dead_holder_expire_on_a_fresh_handle() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let _dead = a.lock("thing").unwrap().lock().await.unwrap();
        let (took, none) = time(b.lock("thing").unwrap().try_lock()).await;
        assert!(none.unwrap().is_none());
        assert!(took.is_zero(), "{took:?}");
        store.partition("pod-a", Cut::Both);
        sleep(L).await;
        let guard = b.lock("thing").unwrap().try_lock().await.unwrap();
        assert!(guard.is_some(), "the holder has been silent for its lease");
    }
}

#[tokio::test(start_paused = true)]
async fn try_lock_says_what_is_wrong() {
    let store = dsync_mock::MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let error = dsync::Error::definite(ErrorKind::Unavailable, "connection refused");
    store.fail_next("pod-a", Verb::Acquire, error);
    let error = dsync.lock("thing").unwrap().try_lock().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        error.to_string(),
        "mock: acquire default/unscoped.lock.thing: unavailable: connection refused"
    );
}

#[tokio::test(start_paused = true)]
async fn try_lock_settles_a_lost_answer() {
    for store in both_kinds() {
        let lock = pod(&store, "pod-a").lock("thing").unwrap();
        store.lose_next_answer("pod-a", Verb::Acquire);
        let guard = lock.try_lock().await.unwrap().expect("the write was applied");
        assert_eq!(store.count(Verb::Acquire), 1);
        // The lease counts from when the attempt was sent.
        assert!(guard.remaining() <= RENEW_DEADLINE - Duration::from_secs(2));
        guard.unlock().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_hears_of_the_loss_and_unlock_says_so() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let guard = a.lock("thing").unwrap().lock().await.unwrap();
        store.partition("pod-a", Cut::Both);
        let (took, ()) = time(guard.lost()).await;
        assert!(took <= RENEW_DEADLINE, "{took:?}");
        assert!(!guard.is_held());
        let next = b.lock("thing").unwrap().lock().await.unwrap();
        store.heal("pod-a");
        let error = guard.unlock().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Lost);
        assert!(error.to_string().contains("default/unscoped/thing"), "{error}");
        assert!(next.is_held(), "an unlock never touches the lock of another holder");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_future_dropped_in_flight_leaves_nothing() {
    for store in both_kinds() {
        let lock = pod(&store, "pod-a").lock("thing").unwrap();
        store.delay_answers("pod-a", Duration::from_millis(500));
        assert!(lock.lock_timeout(Duration::from_millis(100)).await.unwrap().is_none());
        assert!(store.record(lock.key()).is_some(), "the write had been applied");
        let (took, ()) = time(eventually("released", || store.record(lock.key()).is_none())).await;
        assert!(took < 2 * RETRY, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_lands_after_everybody_gave_up_is_released_when_it_is_seen() {
    for store in both_kinds() {
        let lock = pod(&store, "pod-a").lock("thing").unwrap();
        store.late_next("pod-a", Verb::Acquire, Duration::from_secs(30));
        let error = lock.lock_timeout(Duration::from_millis(10)).await.unwrap();
        assert!(error.is_none());
        sleep(Duration::from_secs(31)).await;
        assert_eq!(store.holder(lock.key()).as_deref(), Some("pod-a"), "it has landed");
        // No guard holds it: the next attempt finds its own and takes the lock in no time.
        let (took, guard) = time(lock.lock()).await;
        guard.unwrap().unlock().await.unwrap();
        assert!(took < 2 * RETRY, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_409_does_not_make_lock_fail() {
    // A lost race is waited out (a mistake of the Go original).
    let store = dsync_mock::MockDriver::observer();
    let mut waiters = Vec::new();
    for pod_name in ["pod-a", "pod-b", "pod-c", "pod-d"] {
        let lock = pod(&store, pod_name).lock("thing").unwrap();
        waiters.push(async move {
            let guard = lock.lock().await.unwrap();
            sleep(RETRY).await;
            guard.unlock().await.unwrap();
        });
    }
    let mut set = tokio::task::JoinSet::new();
    for waiter in waiters {
        set.spawn(waiter);
    }
    let (took, all) = time(set.join_all()).await;
    assert_eq!(all.len(), 4);
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_waiters_does_not_storm_the_store() {
    let store = dsync_mock::MockDriver::new();
    let mut set = tokio::task::JoinSet::new();
    for number in 0..50 {
        let lock = pod(&store, &format!("pod-{number}")).lock("thing").unwrap();
        set.spawn(async move {
            let guard = lock.lock().await.unwrap();
            sleep(Duration::from_millis(200)).await;
            guard.unlock().await.unwrap();
        });
    }
    assert_eq!(set.join_all().await.len(), 50);
    let acquires = store.count(Verb::Acquire);
    // Without a window, all that wait would try at every release: 50 * 51 / 2 = 1275.
    assert!(acquires < 700, "{acquires} attempts for 50 holders");
}
