//! Mistakes that were once there, each by its story.
#![allow(clippy::unwrap_used, clippy::similar_names, reason = "short tests")]
#![allow(clippy::disallowed_methods, reason = "some of the work here blocks its thread")]

mod common;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use common::{L, RETRY, pod, sleep};
use dsync::driver::Verb;
use dsync::{Config, Dsync, Error, ErrorKind, MonitorEvent, Timing};
use dsync_mock::{Cut, MockDriver};

/// An attempt that an earlier handle made with a short lease is adopted by one with a long
/// lease, and counted as if it were long.
#[tokio::test(start_paused = true)]
async fn an_attempt_is_not_adopted_with_a_longer_lease_than_it_asked_for() {
    for store in common::both_kinds() {
        let a = pod(&store, "pod-a");
        let short = a.with_timing(Timing::new(Duration::from_secs(5))).unwrap().lock("x").unwrap();
        let long = a.with_timing(Timing::new(Duration::from_secs(60))).unwrap().lock("x").unwrap();
        let rival = pod(&store, "pod-b").lock("x").unwrap();
        // The answer is lost, and so is the read that would settle it.
        store.lose_next_answer("pod-a", Verb::Acquire);
        store.refuse("pod-a", Verb::Read, Error::definite(ErrorKind::Unavailable, "down"));
        short.try_lock().await.unwrap_err();
        store.heal("pod-a");
        let guard = long.lock().await.unwrap();
        let rival_guard = tokio::time::timeout(Duration::from_secs(30), rival.lock()).await;
        if let Ok(Ok(rival_guard)) = rival_guard {
            assert!(
                !(guard.is_held() && rival_guard.is_held()),
                "both candidates hold the lock: the first for another {:?}",
                guard.remaining()
            );
        }
    }
}

/// An operator edits the duration in the record. The core goes on at it, and every renewal from
/// then on is for that duration, while the term counts with its own.
#[tokio::test(start_paused = true)]
async fn a_renewal_asks_for_the_configured_duration_if_the_record_differs() {
    for store in common::both_kinds() {
        let a = pod(&store, "pod-a");
        let guard = a.lock("x").unwrap().lock().await.unwrap();
        let key = a.lock("x").unwrap().key().clone();
        let holder = store.record(&key).unwrap().holder.unwrap();
        store.overwrite(&key, holder.as_str(), Duration::from_secs(6));
        // Two renewals later the edit is long over.
        sleep(L).await;
        assert!(guard.is_held());
        let duration = store.record(&key).unwrap().duration;
        assert_eq!(duration, Some(L), "rivals respect no more than this");
    }
}

/// A body that does not end by itself and does not block is dropped: that is no overrun.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_at_the_hard_deadline_is_no_overrun() {
    let store = MockDriver::new();
    let reports = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&reports);
    let config = Config::new("pod-a").with_monitor(move |r| sink.lock().unwrap().push(r.clone()));
    let election = Dsync::new(store.client("pod-a"), config).unwrap().election("task").unwrap();
    election.when_elected(|_| std::future::pending());
    election.elected().await.unwrap();
    store.partition("pod-a", Cut::Both);
    sleep(2 * L).await;
    store.heal("pod-a");
    election.elected().await.unwrap();
    let overran = reports.lock().unwrap().iter().any(|r| matches!(r, MonitorEvent::Overrun { .. }));
    assert!(!overran, "{:#?}", reports.lock().unwrap());
}

/// A process that asks from two tasks never sees a dead holder expire.
#[tokio::test(start_paused = true)]
async fn two_that_try_side_by_side_see_a_dead_holder_expire() {
    let store = MockDriver::observer();
    let dead = pod(&store, "pod-a").lock("x").unwrap().lock().await.unwrap();
    store.partition("pod-a", Cut::Both);
    std::mem::forget(dead);
    store.delay_answers("pod-b", Duration::from_millis(10));
    let lock = pod(&store, "pod-b").lock("x").unwrap();
    for _ in 0..120 {
        let (one, other) = tokio::join!(lock.try_lock(), lock.try_lock());
        if one.unwrap().is_some() || other.unwrap().is_some() {
            return;
        }
        sleep(RETRY).await;
    }
    panic!("two minutes after the holder died");
}

/// Renewals are denied, everything else is allowed.
#[tokio::test(start_paused = true)]
async fn a_campaign_that_may_not_renew_ends() {
    let store = MockDriver::new();
    let election = pod(&store, "pod-a").election("task").unwrap();
    store.refuse("pod-a", Verb::Renew, Error::definite(ErrorKind::Denied, "no"));
    let over = tokio::time::timeout(40 * L, election.stopped()).await;
    let terms = store.count(Verb::Release);
    assert_eq!(
        over.unwrap_or_else(|_| panic!("{terms} terms")).unwrap_err().kind(),
        ErrorKind::Denied
    );
}

/// An overrun of long ago is not what became of this stop.
#[test]
fn a_stop_after_an_overrun_that_is_over_is_fine() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = MockDriver::new();
        let config = Config::new("pod-a").with_timing(Timing::new(Duration::from_millis(600)));
        let election = Dsync::new(store.client("pod-a"), config).unwrap().election("task").unwrap();
        election.when_elected(move |_| async {
            std::thread::sleep(Duration::from_millis(900));
        });
        let term = election.elected().await.unwrap();
        store.partition("pod-a", Cut::Both);
        term.ended().await;
        sleep(Duration::from_secs(2)).await;
        // Nothing is left of that term, and no other has begun.
        assert!(!election.is_leader());
        let stopped = election.stop().await;
        assert!(stopped.is_ok(), "{stopped:?}");
        let over = tokio::time::timeout(Duration::ZERO, election.stopped()).await;
        assert!(over.is_ok(), "stop() returned before the campaign was over");
    });
}

/// The term of a lock ends before the future that waits for it is polled again.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_lost_before_it_is_seen_is_waited_for_again() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let lock = dsync.lock("x").unwrap();
    let mut locking = pin!(lock.lock());
    poll_fn(|cx| {
        assert!(locking.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    sleep(RETRY).await;
    store.overwrite(lock.key(), "intruder_1", RETRY);
    sleep(2 * L).await;
    let locked = locking.await;
    assert!(locked.is_ok(), "nothing was shut down: {locked:?}");
}

/// Work that never blocks, only happens to be polled when the watchdog looks.
#[test]
fn the_watchdog_spares_work_that_stops_when_it_is_dropped() {
    const CHILD: &str = "DSYNC_TEST_SPARED";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let store = MockDriver::new();
            let config = Config::new("pod-a")
                .with_timing(Timing::new(Duration::from_millis(400)))
                .with_abort_on_overrun(true);
            let election =
                Dsync::new(store.client("pod-a"), config).unwrap().election("task").unwrap();
            election.when_elected(|_| async {
                loop {
                    // A millisecond of work at a time.
                    std::thread::sleep(Duration::from_millis(1));
                    tokio::task::yield_now().await;
                }
            });
            for _ in 0..5 {
                let term = election.elected().await.unwrap();
                store.partition("pod-a", Cut::Both);
                term.ended().await;
                sleep(Duration::from_millis(600)).await;
                store.heal("pod-a");
            }
            std::process::exit(0);
        });
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_watchdog_spares_work_that_stops_when_it_is_dropped", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The release waits for the drop, not only for the deadline.
#[tokio::test(start_paused = true)]
async fn the_release_comes_after_the_drop_at_the_hard_deadline() {
    struct Count(MockDriver, Arc<Mutex<Vec<usize>>>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0.count(Verb::Release));
        }
    }
    let store = MockDriver::new();
    let election = pod(&store, "pod-a").election("task").unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (of, counts) = (store.clone(), Arc::clone(&seen));
    election.when_elected(move |_| {
        let count = Count(of.clone(), Arc::clone(&counts));
        async move {
            let _count = count;
            std::future::pending::<()>().await;
        }
    });
    election.elected().await.unwrap();
    store.refuse("pod-a", Verb::Renew, Error::definite(ErrorKind::Unavailable, "down"));
    sleep(L).await;
    assert_eq!(seen.lock().unwrap().first(), Some(&0), "released before the body was dropped");
    assert_eq!(store.count(Verb::Release), 1, "released");
}
