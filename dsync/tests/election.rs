//! Elections, as a user sees them.
#![allow(clippy::similar_names, clippy::unchecked_time_subtraction, reason = "short tests")]

mod common;

use std::time::Duration;

use common::{
    HARD_DEADLINE, L, RENEW_DEADLINE, RETRY, Trace, both_kinds, eventually, pod, sleep, time,
    until_ended,
};
use dsync::driver::Verb;
use dsync::{Dsync, EndCause, ErrorKind, Timing};
use dsync_mock::{Cut, MockDriver};

#[tokio::test(start_paused = true)]
async fn one_candidate_is_elected_with_one_write() {
    for store in both_kinds() {
        let dsync = pod(&store, "pod-a");
        let election = dsync.election("task").unwrap();
        assert!(!election.is_leader(), "no candidate is elected at once");
        let term = election.elected().await.unwrap();
        assert!(term.is_active() && election.is_leader());
        assert_eq!(election.leader().as_deref(), Some("pod-a"));
        assert_eq!(election.term().unwrap().fencing_token(), term.fencing_token());
        assert!(term.remaining() <= RENEW_DEADLINE);
        assert_eq!(store.count(Verb::Acquire), 1);
        assert_eq!(store.count(Verb::Read) + store.count(Verb::Renew), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_sends_one_renewal_in_a_renew_period_and_a_follower_nothing() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let leader = a.election("task").unwrap();
        leader.elected().await.unwrap();
        let follower = b.election("task").unwrap();
        sleep(RETRY).await;
        assert_eq!(follower.leader().as_deref(), Some("pod-a"));
        store.clear_log();
        sleep(Duration::from_secs(300)).await;
        let requests = store.requests();
        assert!(requests.iter().all(|r| r.instance.as_deref() == Some("pod-a")), "{requests:?}");
        assert!(requests.iter().all(|r| r.verb == Verb::Renew), "{requests:?}");
        assert!((60..=67).contains(&requests.len()), "{} renewals in 300 s", requests.len());
        assert!(leader.is_leader() && !follower.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_release_the_next_is_elected_at_once_by_one_write() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let first = a.election("task").unwrap();
        let old = first.elected().await.unwrap();
        let second = b.election("task").unwrap();
        sleep(RETRY).await;
        store.clear_log();
        let (took, _) = time(async {
            first.stop().await.unwrap();
            second.elected().await.unwrap()
        })
        .await;
        assert!(took < Duration::from_millis(10), "{took:?}");
        let verbs: Vec<_> = store.requests().iter().map(|request| request.verb).collect();
        assert_eq!(verbs, [Verb::Release, Verb::Acquire]);
        assert!(second.term().unwrap().fencing_token() > old.fencing_token());
        assert_eq!(old.cause(), Some(EndCause::Stopped));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_succeeded_when_its_lease_runs_out() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let dead = a.election("task").unwrap();
        let term = dead.elected().await.unwrap();
        let heir = b.election("task").unwrap();
        sleep(RETRY).await;
        store.partition("pod-a", Cut::Both);
        let (took, next) = time(heir.elected()).await;
        assert!(took <= L + RETRY, "{took:?}");
        assert!(!term.is_active() && !dead.is_leader());
        assert!(next.unwrap().fencing_token() > term.fencing_token());
    }
}

#[tokio::test(start_paused = true)]
async fn a_term_ends_by_itself_at_the_renew_deadline() {
    for store in both_kinds() {
        let dsync = pod(&store, "pod-a");
        let election = dsync.election("task").unwrap();
        let term = election.elected().await.unwrap();
        store.partition("pod-a", Cut::Both);
        let (took, ()) = time(term.ended()).await;
        assert!(took <= RENEW_DEADLINE, "{took:?}");
        assert_eq!(term.cause(), Some(EndCause::Deadline));
        assert!(!election.is_leader());
        store.heal("pod-a");
        let next = election.elected().await.unwrap();
        assert!(next.fencing_token() > term.fencing_token());
        assert!(!term.is_active(), "a term that is over never comes back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_partition_does_not_end_the_term() {
    for store in both_kinds() {
        let dsync = pod(&store, "pod-a");
        let election = dsync.election("task").unwrap();
        let term = election.elected().await.unwrap();
        for _ in 0..5 {
            store.partition("pod-a", Cut::Both);
            sleep(Duration::from_secs(2)).await; // One request may hang in it, the retry does not.
            store.heal("pod-a");
            sleep(Duration::from_secs(7)).await;
            assert!(term.is_active());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_stop_before_the_release_and_the_next_election() {
    for store in both_kinds() {
        let trace = Trace::default();
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let first = a.election("task").unwrap();
        let of = trace.clone();
        first.when_elected(move |term| {
            let trace = of.clone();
            async move {
                trace.add("a starts");
                let _stops = trace.on_drop("a stops");
                term.ended().await;
                trace.add("a cleans up");
                sleep(Duration::from_secs(18)).await; // Longer than the lease: it is renewed.
            }
        });
        let second = b.election("task").unwrap();
        let of = trace.clone();
        first.elected().await.unwrap();
        second.when_elected(move |term| until_ended(of.clone(), "b", term));
        sleep(RETRY).await;
        let (took, stopped) = time(first.stop()).await;
        stopped.unwrap();
        assert!(took >= Duration::from_secs(18) && took < Duration::from_secs(19), "{took:?}");
        second.elected().await.unwrap();
        sleep(RETRY).await;
        assert_eq!(trace.take(), ["a starts", "a cleans up", "a stops", "b starts"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_on_is_dropped_at_the_hard_deadline() {
    for store in both_kinds() {
        let trace = Trace::default();
        let dsync = pod(&store, "pod-a");
        let election = dsync.election("task").unwrap();
        let of = trace.clone();
        election.when_elected(move |_| {
            let stops = of.on_drop("dropped");
            async move {
                let _stops = stops;
                std::future::pending::<()>().await;
            }
        });
        let term = election.elected().await.unwrap();
        store.partition("pod-a", Cut::Both);
        term.ended().await;
        assert!(trace.get().is_empty(), "it has until the hard deadline");
        let (took, ()) = time(eventually("dropped", || !trace.get().is_empty())).await;
        let limit = HARD_DEADLINE - RENEW_DEADLINE + Duration::from_millis(20);
        assert!(took <= limit, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ignores_a_stop_is_dropped_after_the_drain_timeout() {
    let store = MockDriver::new();
    let trace = Trace::default();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let of = trace.clone();
    election.when_elected(move |_| {
        let stops = of.on_drop("dropped");
        async move {
            let _stops = stops;
            std::future::pending::<()>().await;
        }
    });
    election.elected().await.unwrap();
    sleep(RETRY).await;
    let (took, stopped) = time(election.stop()).await;
    stopped.unwrap();
    assert!((20.0..20.5).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(trace.take(), ["dropped"]);
    assert!(store.record(election.key()).is_none(), "released after the body was gone");
}

#[tokio::test(start_paused = true)]
async fn work_of_run_is_dropped_as_soon_as_the_term_ends() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let term = election.elected().await.unwrap();
    assert_eq!(term.run(async { 7 }).await, Some(7));
    store.partition("pod-a", Cut::Both);
    let (took, output) = time(term.run(std::future::pending::<()>())).await;
    assert_eq!(output, None);
    assert!(took <= RENEW_DEADLINE, "{took:?}");
    let polled = term.run(async { panic!("it must not be polled") });
    assert!(polled.await.is_none());
}

#[tokio::test(start_paused = true)]
async fn stop_does_not_wait_for_work_that_is_not_polled() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let term = election.elected().await.unwrap();
    let mut work = std::pin::pin!(term.run(std::future::pending::<()>()));
    tokio::select! {
        biased;
        _ = &mut work => unreachable!(),
        () = sleep(RETRY) => {}
    }
    let (took, stopped) = time(election.stop()).await;
    stopped.unwrap();
    assert!(took <= 2 * RETRY, "{took:?}");
    assert!(work.await.is_none(), "it is never polled again");
}

#[tokio::test(start_paused = true)]
async fn lead_resigns_and_ends_the_campaign_when_its_body_returns() {
    for store in both_kinds() {
        let dsync = pod(&store, "pod-a");
        let election = dsync.election("task").unwrap();
        let output = election.lead(|term| async move { term.is_active() }).await.unwrap();
        assert!(output);
        assert!(store.holder(election.key()).is_none());
        election.stopped().await.unwrap();
        let error = election.elected().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
        // The same name again is a new campaign.
        dsync.election("task").unwrap().elected().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn lead_says_that_its_body_was_dropped() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let lead = election.lead(|_| std::future::pending::<()>());
    let cut = async {
        election.elected().await.unwrap();
        store.partition("pod-a", Cut::Both);
    };
    let (result, ()) = tokio::join!(lead, cut);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lost);
    assert!(error.to_string().contains("no renewal succeeded in time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn dropping_lead_drops_its_body_and_releases() {
    let store = MockDriver::new();
    let trace = Trace::default();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let stops = trace.on_drop("body dropped");
    let lead = election.lead(move |_| async move {
        let _stops = stops;
        std::future::pending::<()>().await;
    });
    assert!(tokio::time::timeout(RETRY, lead).await.is_err());
    assert_eq!(trace.take(), ["body dropped"]);
    eventually("released", || store.record(election.key()).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn resign_stays_a_candidate_and_sits_out_one_lease_duration() {
    for store in both_kinds() {
        let dsync = pod(&store, "pod-a");
        let election = dsync.election("task").unwrap();
        let term = election.elected().await.unwrap();
        election.resign().await.unwrap();
        assert_eq!(term.cause(), Some(EndCause::Resigned));
        assert!(!election.is_leader());
        let (took, again) = time(election.elected()).await;
        again.unwrap();
        assert!(took >= L && took < L + RETRY, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_resigned_campaigns_again_once_another_has_won() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let first = a.election("task").unwrap();
        first.elected().await.unwrap();
        let second = b.election("task").unwrap();
        sleep(RETRY).await;
        first.resign().await.unwrap();
        second.elected().await.unwrap();
        sleep(RETRY).await;
        second.stop().await.unwrap();
        let (took, again) = time(first.elected()).await;
        again.unwrap();
        assert!(took < RETRY, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn stop_awaited_by_the_body_itself_returns_once_the_term_is_cancelled() {
    let store = MockDriver::new();
    let trace = Trace::default();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let (of, inside) = (trace.clone(), election.clone());
    election.when_elected(move |term| {
        let (trace, election) = (of.clone(), inside.clone());
        async move {
            election.resign().await.unwrap();
            trace.add(format!("resigned, active: {}", term.is_active()));
            election.stop().await.unwrap();
            trace.add("stopped");
        }
    });
    let (took, stopped) = time(election.stopped()).await;
    stopped.unwrap();
    assert!(took < RETRY, "{took:?}");
    assert_eq!(trace.take(), ["resigned, active: false", "stopped"]);
    assert!(store.record(election.key()).is_none(), "released after the body had returned");
}

#[tokio::test(start_paused = true)]
async fn a_panicking_body_ends_the_term_releases_and_backs_off() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let election = a.election("task").unwrap();
        election.when_elected(|_| async { panic!("this body panics on purpose") });
        let other = b.election("task").unwrap();
        let (took, term) = time(other.elected()).await;
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(term.unwrap().is_active());
        drop((other, b));
        store.clear_log();
        sleep(Duration::from_secs(120)).await;
        let tries = store
            .requests()
            .iter()
            .filter(|r| r.verb == Verb::Acquire && r.instance.as_deref() == Some("pod-a"))
            .count();
        assert!((4..=20).contains(&tries), "{tries} terms in two minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn several_callbacks_run_also_when_registered_late() {
    let store = MockDriver::new();
    let trace = Trace::default();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let of = trace.clone();
    election.when_elected(move |term| until_ended(of.clone(), "first", term));
    election.elected().await.unwrap();
    let of = trace.clone();
    election.when_elected(move |_| {
        let trace = of.clone();
        async move { trace.add("second returns") }
    });
    sleep(RETRY).await;
    assert!(election.is_leader(), "a callback that returns leaves the term going");
    election.stop().await.unwrap();
    assert_eq!(trace.take(), ["first starts", "second returns", "first stops"]);
}

#[tokio::test(start_paused = true)]
async fn handles_of_one_election_share_one_campaign() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let (one, two) = (dsync.election("task").unwrap(), dsync.election("task").unwrap());
    let (first, second) = (one.elected().await.unwrap(), two.elected().await.unwrap());
    assert_eq!(first.fencing_token(), second.fencing_token());
    assert_eq!(store.count(Verb::Acquire), 1);
    one.stop().await.unwrap();
    assert!(!two.is_leader(), "a stop is for every handle");

    let other = dsync.with_timing(Timing::new(Duration::from_secs(6))).unwrap();
    let _six = other.election("task").unwrap();
    let error = dsync.election("task").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("another timing"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn another_dsync_of_the_same_name_is_a_rival() {
    for store in both_kinds() {
        let (one, two) = (pod(&store, "pod-a"), pod(&store, "pod-a"));
        let first = one.election("task").unwrap();
        first.elected().await.unwrap();
        let second = two.election("task").unwrap();
        sleep(4 * L).await;
        assert!(first.is_leader() && !second.is_leader());
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_every_handle_ends_the_campaign_and_releases() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let key = election.key().clone();
    let other = election.clone();
    election.elected().await.unwrap();
    drop(election);
    sleep(RETRY).await;
    assert!(other.is_leader());
    drop(other);
    eventually("released", || store.record(&key).is_none()).await;
    sleep(2 * L).await;
    assert!(store.record(&key).is_none(), "no campaign is left");
}

#[tokio::test(start_paused = true)]
async fn a_callback_keeps_the_campaign_until_the_dsync_is_dropped() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    let key = election.key().clone();
    election.when_elected(|term| async move { term.ended().await });
    drop(election);
    sleep(2 * L).await;
    assert_eq!(store.holder(&key).as_deref(), Some("pod-a"));
    drop(dsync);
    eventually("released", || store.record(&key).is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn an_election_outlives_the_dsync_that_it_came_from() {
    let store = MockDriver::new();
    let election = pod(&store, "pod-a").election("task").unwrap();
    election.elected().await.unwrap();
    sleep(4 * L).await;
    assert!(election.is_leader());
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_everything_in_time_and_for_good() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    election.when_elected(|_| std::future::pending());
    election.elected().await.unwrap();
    let guard = dsync.lock("thing").unwrap().lock().await.unwrap();
    let (took, ()) = time(dsync.shutdown()).await;
    assert!(took <= Duration::from_secs(24), "{took:?}");
    assert!(store.record(election.key()).is_none());
    assert!(!guard.is_held());
    for error in [
        dsync.election("task").unwrap_err(),
        dsync.lock("thing").unwrap_err(),
        election.elected().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Stopped, "{error}");
    }
    let (again, ()) = time(dsync.shutdown()).await;
    assert!(again < RETRY, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_returns_in_time_also_when_the_store_hangs() {
    let store = MockDriver::new();
    let dsync = pod(&store, "pod-a");
    let election = dsync.election("task").unwrap();
    election.when_elected(|_| std::future::pending());
    election.elected().await.unwrap();
    store.partition("pod-a", Cut::Both);
    let (took, ()) = time(dsync.shutdown()).await;
    assert!(took <= Duration::from_secs(24), "{took:?}");
    assert!(!election.is_leader());
}

#[test]
fn outside_a_runtime_construction_is_an_error() {
    let error = Dsync::new(MockDriver::new(), "pod-a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoRuntime);
}

#[test]
fn when_the_runtime_goes_away_every_handle_says_so() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let election = runtime.block_on(async {
        let election = pod(&MockDriver::new(), "pod-a").election("task").unwrap();
        election.elected().await.unwrap();
        election
    });
    let term = election.term().unwrap();
    drop(runtime);
    assert!(!election.is_leader() && !term.is_active());
    let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = other.block_on(election.elected()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().contains("runtime"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_release_heard_while_an_older_answer_was_on_its_way_is_not_forgotten() {
    for store in both_kinds() {
        let (a, b) = (pod(&store, "pod-a"), pod(&store, "pod-b"));
        let leader = a.election("task").unwrap();
        leader.elected().await.unwrap();
        // The answer that shows who leads takes long, and the release happens in the meantime.
        store.delay_answers("pod-b", Duration::from_millis(500));
        let follower = b.election("task").unwrap();
        sleep(Duration::from_millis(100)).await;
        leader.stop().await.unwrap();
        let (took, elected) = time(follower.elected()).await;
        elected.unwrap();
        assert!(took < 2 * RETRY, "{took:?}");
    }
}
