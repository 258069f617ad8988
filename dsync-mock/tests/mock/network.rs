//! Faults between an instance and the store.

use std::time::Duration;

use dsync::driver::{Observation, Verb, WatchScope};
use dsync::{Driver, Error, ErrorKind};
use dsync_mock::{Cut, MockDriver};
use tokio::time::{Instant, sleep};

use crate::help::*;

fn denied() -> Error {
    Error::definite(ErrorKind::Denied, "no `update` on leases")
}

/// How much virtual time has passed since `start`.
fn since(start: Instant) -> Duration {
    start.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "the tests ask the clock that they pause")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn cut_requests_are_never_applied() {
    for cut in [Cut::Requests, Cut::Both] {
        for (store, key) in cases() {
            store.partition("pod-a", cut);
            assert!(hangs(store.acquire(&key, &claim("pod-a"))).await);
            assert_eq!(store.record(&key), None);
            win(&store, &key, "pod-b").await;
            store.heal("pod-a");
            assert!(acquire(&store, &key, &claim("pod-a")).await.is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cut_answers_leave_the_write_applied() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        store.partition("pod-a", Cut::Answers);
        sleep(L / 2).await;
        assert!(hangs(store.renew(&key, &lease)).await);
        if is_observer(&store) {
            assert_ne!(store.record(&key).unwrap().version, lease.version);
        }
        assert!(hangs(store.client("pod-a").read(&key)).await);
        store.heal("pod-a");
        assert!(!hangs(store.client("pod-a").read(&key)).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_meets_a_partition_hangs_although_it_heals() {
    for cut in [Cut::Requests, Cut::Answers] {
        let (store, key) = (MockDriver::new(), election());
        store.partition("pod-a", cut);
        let claim = claim("pod-a");
        let call = store.acquire(&key, &claim);
        let heal = async {
            sleep(MS).await;
            store.heal("pod-a");
        };
        let (hung, ()) = tokio::join!(hangs(call), heal);
        assert!(hung);
    }
}

#[tokio::test(start_paused = true)]
async fn watches_go_silent_in_a_partition_and_catch_up() {
    for cut in [Cut::Requests, Cut::Answers, Cut::Both] {
        for (store, key) in cases() {
            let a = store.client("pod-a");
            let mut watch = a.watch(&key);
            assert_eq!(shown(&mut watch).await, None);
            store.partition("pod-a", cut);
            win(&store, &key, "pod-b").await;
            assert!(silent(&mut watch, MS).await);
            let mut begun_meanwhile = a.watch(&key);
            assert!(silent(&mut begun_meanwhile, MS).await);
            store.overwrite(&key, "last", L);
            store.heal("pod-a");
            for watch in [&mut watch, &mut begun_meanwhile] {
                assert_eq!(shown(watch).await.unwrap().holder.unwrap().as_str(), "last");
                assert!(silent(watch, MS).await, "only the latest state");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_was_applied() {
    for (store, key) in cases() {
        store.lose_next_answer("pod-a", Verb::Acquire);
        let claim = claim("pod-a");
        give_up(store.acquire(&key, &claim), MS).await;
        let lease = store.read(&key).await.unwrap().unwrap();
        assert!(lease.is_held_by(&claim.holder));

        store.lose_next_answer("pod-a", Verb::Renew);
        sleep(L / 2).await;
        give_up(store.renew(&key, &lease), MS).await;
        let renewed = store.read(&key).await.unwrap().unwrap();
        assert_ne!(renewed.pulse, lease.pulse);

        store.lose_next_answer("pod-a", Verb::Release);
        give_up(store.release(&key, &renewed), MS).await;
        assert!(is_free(store.record(&key).as_ref()));
    }
}

#[tokio::test(start_paused = true)]
async fn faults_for_the_next_call_queue_up_by_verb() {
    let (store, key) = (MockDriver::new(), election());
    store.fail_next("pod-a", Verb::Renew, denied());
    store.fail_next("pod-a", Verb::Renew, Error::ambiguous(ErrorKind::Timeout, "slow"));
    store.fail_next_applied("pod-a", Verb::Renew, ErrorKind::Unavailable);
    let lease = win(&store, &key, "pod-a").await;
    sleep(L / 2).await;
    let first = store.renew(&key, &lease).await.unwrap_err();
    assert_eq!((first.kind(), first.is_ambiguous()), (ErrorKind::Denied, false));
    let second = store.renew(&key, &lease).await.unwrap_err();
    assert_eq!((second.kind(), second.is_ambiguous()), (ErrorKind::Timeout, true));
    assert_eq!(store.record(&key).unwrap().pulse, lease.pulse, "neither was applied");
    let third = store.renew(&key, &lease).await.unwrap_err();
    assert_eq!((third.kind(), third.is_ambiguous()), (ErrorKind::Unavailable, true));
    assert_ne!(store.record(&key).unwrap().pulse, lease.pulse, "this one was");
    keep(&store, &key, &lease).await;
}

#[tokio::test(start_paused = true)]
async fn faults_hit_one_instance() {
    let (store, key) = (MockDriver::new(), election());
    store.fail_next("pod-a", Verb::Acquire, denied());
    store.partition("pod-b", Cut::Both);
    win(&store, &key, "pod-c").await;
}

#[tokio::test(start_paused = true)]
async fn refusals_last_until_healed() {
    let (store, key) = (MockDriver::new(), election());
    store.refuse("pod-a", Verb::Acquire, denied());
    for _ in 0..3 {
        let error = store.acquire(&key, &claim("pod-a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
    }
    store.heal("pod-a");
    win(&store, &key, "pod-a").await;
}

#[tokio::test(start_paused = true)]
async fn delays_add_up_and_the_lease_runs_from_when_it_was_applied() {
    let (store, key) = (MockDriver::new(), election());
    store.delay_requests("pod-a", Duration::from_millis(40));
    store.delay_answers("pod-a", Duration::from_millis(20));
    let start = now();
    let lease = win(&store, &key, "pod-a").await;
    assert_eq!(since(start), Duration::from_millis(60));
    assert_eq!(lease.remaining, Some(L));
    assert_eq!(store.record(&key).unwrap().remaining, Some(L - Duration::from_millis(20)));
    store.heal("pod-a");
    let start = now();
    keep(&store, &key, &lease).await;
    assert_eq!(since(start), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_under_way_is_lost_in_a_partition() {
    let (store, key) = (MockDriver::new(), election());
    store.delay_answers("pod-a", 10 * MS);
    let claim = claim("pod-a");
    let cut = async {
        sleep(5 * MS).await;
        store.partition("pod-a", Cut::Answers);
    };
    let (hung, ()) = tokio::join!(hangs(store.acquire(&key, &claim)), cut);
    assert!(hung);
}

#[tokio::test(start_paused = true)]
async fn broken_watches_end_with_an_error_and_new_ones_work() {
    for (store, key) in cases() {
        let (a, b) = (store.client("pod-a"), store.client("pod-b"));
        let (mut of_a, mut of_b) = (a.watch(&key), b.watch(&key));
        shown(&mut of_a).await;
        shown(&mut of_b).await;
        store.break_watches("pod-a");
        assert_eq!(next(&mut of_a).await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(next(&mut of_a).await.is_none());
        assert!(next(&mut of_a).await.is_none(), "also when asked again");
        let mut again = a.watch(&key);
        assert_eq!(next(&mut again).await.unwrap().unwrap(), Observation::Record(None));
        assert!(silent(&mut of_b, MS).await, "the other instance is left alone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_can_fail_from_the_start() {
    let (store, key) = (MockDriver::new(), election());
    store.fail_next("pod-a", Verb::Watch, denied());
    let a = store.client("pod-a");
    let mut watch = a.watch(&key);
    assert_eq!(next(&mut watch).await.unwrap().unwrap_err().kind(), ErrorKind::Denied);
    assert!(next(&mut watch).await.is_none());
    shown(&mut a.watch(&key)).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_learns_its_instance_from_its_first_claim() {
    let (store, key) = (MockDriver::new(), election());
    let (a, b) = (store.clone(), store.clone());
    let mut watch = a.watch(&key);
    shown(&mut watch).await;
    let lease = win(&a, &key, "pod-a").await;
    shown(&mut watch).await;
    store.partition("pod-a", Cut::Both);
    // A call is its holder's, whichever connection sends it.
    assert!(hangs(b.release(&key, &lease)).await);
    store.delete(&key);
    assert!(silent(&mut watch, MS).await);
    assert!(hangs(a.read(&key)).await);
    assert!(!hangs(store.clone().read(&key)).await);
    assert!(!hangs(a.clone().read(&key)).await, "a clone is a connection of its own");
    assert!(hangs(store.client("pod-a").clone().read(&key)).await, "but not of a named one");
}

#[tokio::test(start_paused = true)]
async fn the_declared_scope_is_what_watches_keep() {
    assert_eq!(MockDriver::new().capabilities().watch, WatchScope::Changes);
    let key = election();
    let store = MockDriver::new().with_watch(WatchScope::Nothing);
    assert_eq!(store.clone().capabilities().watch, WatchScope::Nothing);
    let mut watch = store.watch(&key);
    win(&store, &key, "pod-a").await;
    assert!(silent(&mut watch, L).await);
}
