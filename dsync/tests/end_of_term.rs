//! What ends a term, and what never does.
#![allow(clippy::similar_names, clippy::unchecked_time_subtraction, reason = "short tests")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{L, RENEW_DEADLINE, RETRY, Trace, both_kinds, eventually, pod, sleep, time};
use dsync::driver::Verb;
use dsync::{Config, Dsync, EndCause, Error, ErrorKind, FenceGate, MonitorEvent, Timing};
use dsync_mock::{Cut, MockDriver};

#[tokio::test(start_paused = true)]
async fn an_edited_label_neither_ends_a_term_nor_loops() {
    let store = MockDriver::observer();
    let election = pod(&store, "pod-a").election("task").unwrap();
    let term = election.elected().await.unwrap();
    for _ in 0..60 {
        store.touch(election.key());
        sleep(RETRY).await;
    }
    assert!(term.is_active());
    let reads = store.count(Verb::Read);
    assert!(reads <= 20, "{reads} reads in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_label_edited_every_second_does_not_keep_a_dead_leader_alive() {
    let store = MockDriver::observer();
    let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
    let dead = a.election("task").unwrap();
    dead.elected().await.unwrap();
    let heir = b.election("task").unwrap();
    sleep(RETRY).await;
    store.partition("pod-a", Cut::Both);
    let edits = async {
        loop {
            sleep(RETRY).await;
            store.touch(heir.key());
        }
    };
    let (took, elected) = time(async {
        tokio::select! {
            elected = heir.elected() => elected,
            () = edits => unreachable!(),
        }
    })
    .await;
    elected.unwrap();
    assert!(took <= L + RETRY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_deleted_emptied_or_overwritten_ends_the_term_at_once() {
    for store in both_kinds() {
        type Loss = fn(&MockDriver, &dsync::driver::Key);
        let losses: [(&str, Loss); 3] = [
            ("deleted", |store, key| store.delete(key)),
            ("emptied", |store, key| store.empty(key)),
            ("overwritten", |store, key| store.overwrite(key, "intruder_1", L)),
        ];
        for (what, lose) in losses {
            let dsync = pod(&store, "pod-a");
            let election = dsync.election(format!("task-{what}")).unwrap();
            let term = election.elected().await.unwrap();
            sleep(2 * RETRY).await;
            lose(&store, election.key());
            let (took, ()) = time(term.ended()).await;
            assert_eq!(term.cause(), Some(EndCause::Lost), "{what}");
            // The watch shows it; without a watch, one renew period and two request timeouts.
            assert!(took <= RETRY, "{what}: {took:?}");
            election.elected().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_found_without_a_watch_within_a_renew_period() {
    let store = MockDriver::new();
    let election = pod(&store, "pod-a").election("task").unwrap();
    let term = election.elected().await.unwrap();
    store.break_watches("pod-a");
    store.refuse("pod-a", Verb::Watch, Error::definite(ErrorKind::Denied, "no watch"));
    sleep(Duration::from_millis(100)).await;
    store.delete(election.key());
    let (took, ()) = time(term.ended()).await;
    assert!(took <= L / 3 + 2 * (L * 2 / 15), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn followers_of_a_deleted_record_wait_out_its_lease() {
    let store = MockDriver::observer();
    let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
    let leader = a.election("task").unwrap();
    let term = leader.elected().await.unwrap();
    let follower = b.election("task").unwrap();
    sleep(2 * RETRY).await;
    // The leader cannot learn of it.
    store.partition("pod-a", Cut::Both);
    store.delete(follower.key());
    let elected = follower.elected().await.unwrap();
    assert!(!term.is_active(), "its term had ended before");
    assert!(elected.fencing_token() > term.fencing_token());
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deadline_does_not_revive_a_term() {
    for store in both_kinds() {
        let timing = Timing::new(L);
        let config = Config::new("pod-a").with_timing(timing);
        let dsync = Dsync::new(store.client("pod-a"), config).unwrap();
        let election = dsync.election("task").unwrap();
        let term = election.elected().await.unwrap();
        store.partition("pod-a", Cut::Answers);
        term.ended().await;
        assert!(store.count(Verb::Renew) > 0);
        store.heal("pod-a");
        sleep(2 * L).await;
        assert!(!term.is_active());
        assert_eq!(term.remaining(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_call_does_not_keep_a_term_alive() {
    // k8s#124588: the cancellation waited for the renewal.
    let store = MockDriver::new();
    let election = pod(&store, "pod-a").election("task").unwrap();
    let term = election.elected().await.unwrap();
    store.delay_answers("pod-a", Duration::from_secs(3600));
    let (took, ()) = time(term.ended()).await;
    assert!(took <= RENEW_DEADLINE, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_denied_verb_ends_a_campaign_after_four_lease_durations_and_no_term() {
    let store = MockDriver::new();
    let election = pod(&store, "pod-a").election("task").unwrap();
    let term = election.elected().await.unwrap();
    let denied = Error::definite(ErrorKind::Denied, "grant verb \"update\"");
    store.refuse("pod-a", Verb::Renew, denied.clone());
    let mut observer = election.observe();
    let reported = async {
        loop {
            let observed = observer.next().await.expect("not over yet");
            if let Some(error) = observed.trouble {
                return error;
            }
        }
    };
    let (took, error) = time(reported).await;
    assert!(took <= L / 3, "reported at the first renewal: {took:?}");
    assert!(error.to_string().contains("grant verb \"update\""), "{error}");
    store.refuse("pod-a", Verb::Acquire, denied);
    assert!(term.is_active());
    term.ended().await;
    let (took, over) = time(election.stopped()).await;
    let error = over.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(took <= 4 * L + RETRY, "{took:?}");
    assert_eq!(election.elected().await.unwrap_err().kind(), ErrorKind::Denied);
    store.clear_log();
    sleep(10 * L).await;
    assert_eq!(store.requests().len(), 0, "nothing is retried for ever");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_denies_everything_for_a_while_stops_no_candidate() {
    let store = MockDriver::new();
    for verb in [Verb::Acquire, Verb::Read, Verb::Renew] {
        store.refuse("pod-a", verb, Error::definite(ErrorKind::Denied, "starting"));
    }
    let election = pod(&store, "pod-a").election("task").unwrap();
    sleep(3 * L).await;
    store.heal("pod-a");
    let (took, elected) = time(election.elected()).await;
    elected.unwrap();
    assert!(took <= RETRY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_unsupported_ends_a_campaign_at_once() {
    let store = MockDriver::new();
    store.fail_next(
        "pod-a",
        Verb::Acquire,
        Error::definite(ErrorKind::Unsupported, "this store cannot"),
    );
    let error = pod(&store, "pod-a").election("task").unwrap().elected().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_forced_leader_never_overlaps_with_the_deposed_one() {
    // A mistake of the Go original's mock.
    for store in both_kinds() {
        let trace = Trace::default();
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let first = a.election("task").unwrap();
        let of = trace.clone();
        first.when_elected(move |term| common::until_ended(of.clone(), "a", term));
        first.elected().await.unwrap();
        let second = b.election("task").unwrap();
        let of = trace.clone();
        second.when_elected(move |term| common::until_ended(of.clone(), "b", term));
        sleep(2 * RETRY).await;
        store.force_leader(first.key(), "pod-b");
        let (took, _) = time(second.elected()).await;
        assert!(took <= RETRY, "{took:?}");
        sleep(RETRY).await;
        assert_eq!(trace.take(), ["a starts", "a stops", "b starts"]);
        assert!(!first.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_an_acquisition_is_found_and_adopted_once() {
    for store in both_kinds() {
        store.lose_next_answer("pod-a", Verb::Acquire);
        let election = pod(&store, "pod-a").election("task").unwrap();
        let term = election.elected().await.unwrap();
        assert_eq!(store.count(Verb::Acquire), 1);
        assert!(term.remaining() <= RENEW_DEADLINE - Duration::from_secs(2));
        sleep(4 * L).await;
        assert!(term.is_active());
    }
}

/// A body that blocks its thread: the one thing that no library can stop.
#[test]
fn a_body_that_blocks_past_the_hard_deadline_is_reported_and_nothing_is_released() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = MockDriver::new();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reports);
        let config = Config::new("pod-a")
            .with_timing(Timing::new(Duration::from_millis(600)))
            .with_monitor(move |report| sink.lock().unwrap().push(report.clone()));
        let dsync = Dsync::new(store.client("pod-a"), config).unwrap();
        let election = dsync.election("task").unwrap();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let blocked = Mutex::new(Some(blocked));
        election.when_elected(move |_| {
            let blocked = blocked.lock().unwrap().take();
            async move {
                if let Some(blocked) = blocked {
                    let _ = blocked.recv();
                }
            }
        });
        let term = election.elected().await.unwrap();
        // Another term must not begin on another thread while this one blocks.
        store.partition("pod-a", Cut::Both);
        term.ended().await;
        store.heal("pod-a");
        let has_overrun = || {
            reports
                .lock()
                .unwrap()
                .iter()
                .any(|report| matches!(report, MonitorEvent::Overrun { .. }))
        };
        eventually("overrun", has_overrun).await;
        let renewals = store.count(Verb::Renew);
        assert_eq!(store.count(Verb::Release), 0);
        let error = election.stop().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overrun);
        assert!(error.to_string().contains("blocks its thread"), "{error}");
        release.send(()).unwrap();
        election.stopped().await.unwrap();
        assert_eq!(store.count(Verb::Release), 0, "never released");
        assert_eq!(store.count(Verb::Renew), renewals, "never renewed");
    });
}

#[test]
fn a_body_that_blocks_the_only_thread_is_reported_when_it_lets_go() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = MockDriver::new();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reports);
        let config = Config::new("pod-a")
            .with_timing(Timing::new(Duration::from_millis(400)))
            .with_monitor(move |report| sink.lock().unwrap().push(report.clone()));
        let dsync = Dsync::new(store.client("pod-a"), config).unwrap();
        let election = dsync.election("task").unwrap();
        let trace = Trace::default();
        let of = trace.clone();
        election.when_elected(move |term| {
            let trace = of.clone();
            async move {
                if !trace.get().is_empty() {
                    return; // Only the first term blocks.
                }
                let (_hold, wait) = std::sync::mpsc::channel::<()>();
                let _ = wait.recv_timeout(Duration::from_millis(900));
                trace.add(format!("active: {}", term.is_active()));
                tokio::task::yield_now().await;
                trace.add("polled again");
            }
        });
        let has_overrun = || {
            reports
                .lock()
                .unwrap()
                .iter()
                .any(|report| matches!(report, MonitorEvent::Overrun { .. }))
        };
        eventually("overrun", has_overrun).await;
        assert_eq!(trace.get(), ["active: false"], "the first look says no, and no poll follows");
        assert_eq!(store.count(Verb::Release), 0);
    });
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_former_leader_is_refused_at_the_gate() {
    for store in both_kinds() {
        let gate = FenceGate::new();
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let old = a.election("task").unwrap().elected().await.unwrap();
        let next = b.election("task").unwrap();
        store.partition("pod-a", Cut::Both);
        let new = next.elected().await.unwrap();
        gate.admit(new.fencing_token()).unwrap();
        let refused = gate.admit(old.fencing_token()).unwrap_err();
        assert_eq!(refused.highest, new.fencing_token());
    }
}
