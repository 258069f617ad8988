//! The rules of the driver contract, with each kind of store.

use std::collections::HashSet;
use std::time::Duration;

use dsync::driver::{Acquired, Claim, Holder, Released, Renewed, Verb};
use dsync::{Driver, Error, ErrorKind, FencingToken};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::help::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_concurrent_acquires_exactly_one_wins() {
    for (store, key) in cases() {
        let mut calls = JoinSet::new();
        for candidate in 0..64 {
            let (store, key) = (store.clone(), key.clone());
            let claim = claim(&format!("pod-{candidate}"));
            calls.spawn(async move { acquire(&store, &key, &claim).await });
        }
        let answers = calls.join_all().await;
        let won: Vec<_> = answers.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "{store:?}");
        assert_eq!(store.record(&key).unwrap().holder, won[0].holder);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_concurrent_take_overs_exactly_one_wins() {
    for (store, key) in cases().into_iter().filter(|(store, _)| is_observer(store)) {
        let dead = win(&store, &key, "dead").await;
        let mut calls = JoinSet::new();
        for candidate in 0..64 {
            let (store, key, seen) = (store.clone(), key.clone(), dead.version.clone());
            calls.spawn(async move {
                let claim = claim(&format!("pod-{candidate}")).with_take_over(Some(seen));
                acquire(&store, &key, &claim).await
            });
        }
        assert_eq!(calls.join_all().await.into_iter().flatten().count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_tells_who_holds_it() {
    for (store, key) in cases() {
        let won = win(&store, &key, "pod-a").await;
        match store.acquire(&key, &claim("pod-b")).await.unwrap() {
            Acquired::Held(Some(lease)) => assert_eq!(lease.holder, won.holder),
            other => panic!("{other:?}"),
        }
        // The same attempt once more is not a second acquisition.
        let again = Claim::new(won.holder.clone().unwrap(), L);
        assert!(acquire(&store, &key, &again).await.is_none());
        assert_eq!(store.record(&key).unwrap().version, won.version);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_version_never_applies() {
    for (store, key) in cases() {
        let first = win(&store, &key, "pod-a").await;
        let now = keep(&store, &key, &first).await;
        if is_observer(&store) {
            assert_ne!(now.version, first.version);
            assert_eq!(renew(&store, &key, &first).await, Renewed::Conflict);
            assert_eq!(release(&store, &key, &first).await, Released::Conflict);
            let stale = claim("pod-b").with_take_over(Some(first.version.clone()));
            assert!(acquire(&store, &key, &stale).await.is_none());
        }
        assert_eq!(release(&store, &key, &now).await, Released::Freed);
        let second = win(&store, &key, "pod-b").await;
        assert!(matches!(renew(&store, &key, &now).await, Renewed::Lost(Some(_))));
        assert_eq!(release(&store, &key, &now).await, Released::NotHeld);
        assert_eq!(store.record(&key).unwrap(), second);
    }
}

#[tokio::test(start_paused = true)]
async fn a_take_over_of_what_is_gone_does_not_apply() {
    for (store, key) in cases().into_iter().filter(|(store, _)| is_observer(store)) {
        let lease = win(&store, &key, "pod-a").await;
        let late = claim("pod-b").with_take_over(Some(lease.version.clone()));
        store.delete(&key);
        assert!(acquire(&store, &key, &late).await.is_none(), "a read would have settled it");
        assert!(acquire(&store, &key, &claim("pod-b")).await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_definite_error_was_not_applied() {
    for (store, key) in cases() {
        let error = Error::definite(ErrorKind::Unavailable, "refused");
        store.fail_next("pod-a", Verb::Acquire, error);
        let error = store.acquire(&key, &claim("pod-a")).await.unwrap_err();
        assert!(!error.is_ambiguous());
        assert!(store.read(&key).await.unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_write_that_was_applied_shows_its_nonce() {
    for (store, key) in cases() {
        store.fail_next_applied("pod-a", Verb::Acquire, ErrorKind::Timeout);
        let claim = claim("pod-a");
        let error = store.acquire(&key, &claim).await.unwrap_err();
        assert!(error.is_ambiguous());
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let seen = store.read(&key).await.unwrap().unwrap();
        assert!(seen.is_held_by(&claim.holder));
        // What was read is enough to go on.
        keep(&store, &key, &seen).await;
    }
}

#[tokio::test(start_paused = true)]
async fn versions_and_pulses_never_repeat_and_tokens_grow() {
    for (store, key) in cases() {
        let (mut versions, mut pulses) = (HashSet::new(), HashSet::new());
        let mut highest = FencingToken::ZERO;
        for round in 0..6 {
            let lease = take(&store, &key, "pod-a").await.unwrap();
            assert!(versions.insert(lease.version.clone()));
            assert!(pulses.insert(lease.pulse.clone()));
            assert!(lease.fencing_token > highest);
            highest = lease.fencing_token;
            let renewed = keep(&store, &key, &lease).await;
            assert!(pulses.insert(renewed.pulse.clone()));
            assert_eq!(versions.insert(renewed.version.clone()), is_observer(&store));
            assert_eq!(renewed.fencing_token, highest);
            match round % 3 {
                0 => assert_eq!(release(&store, &key, &renewed).await, Released::Freed),
                1 => store.delete(&key),
                _ => sleep(L).await,
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_higher_than_its_floor() {
    for (store, key) in cases() {
        let claim = claim("pod-a").with_token_floor(FencingToken::new(1_000));
        let lease = acquire(&store, &key, &claim).await.unwrap();
        assert_eq!(lease.fencing_token, FencingToken::new(1_001));
        assert_eq!(store.read(&key).await.unwrap().unwrap().fencing_token, lease.fencing_token);
        store.delete(&key);
        assert!(win(&store, &key, "pod-b").await.fencing_token > lease.fencing_token);
    }
}

#[tokio::test(start_paused = true)]
async fn the_pulse_changes_with_nothing_else() {
    for (store, key) in cases().into_iter().filter(|(store, _)| is_observer(store)) {
        let lease = win(&store, &key, "pod-a").await;
        store.touch(&key);
        let touched = store.read(&key).await.unwrap().unwrap();
        assert_ne!(touched.version, lease.version);
        assert_eq!(touched.pulse, lease.pulse);
        assert_eq!(renew(&store, &key, &lease).await, Renewed::Conflict);
        keep(&store, &key, &touched).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_sees_what_was_acknowledged() {
    for (store, key) in cases() {
        let (a, b) = (store.client("pod-a"), store.client("pod-b"));
        assert_eq!(b.read(&key).await.unwrap(), None);
        let lease = win(&a, &key, "pod-a").await;
        assert_eq!(b.read(&key).await.unwrap().unwrap(), lease);
        let lease = keep(&a, &key, &lease).await;
        assert_eq!(b.read(&key).await.unwrap().unwrap(), lease);
        release(&a, &key, &lease).await;
        assert!(is_free(b.read(&key).await.unwrap().as_ref()));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_else_gets_it_before_its_duration_has_run_and_somebody_does_then() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        sleep(L / 2).await;
        let lease = keep(&store, &key, &lease).await;
        sleep(L - MS).await;
        assert!(acquire(&store, &key, &claim("pod-b")).await.is_none());
        assert!(store.read(&key).await.unwrap().unwrap().is_held_by(&lease.holder.unwrap()));
        sleep(MS).await;
        let second = take(&store, &key, "pod-b").await.unwrap();
        assert!(second.fencing_token > lease.fencing_token);
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_store_never_gives_a_live_record_away() {
    for (store, key) in cases().into_iter().filter(|(store, _)| !is_observer(store)) {
        let lease = win(&store, &key, "pod-a").await;
        assert_eq!(lease.remaining, Some(L));
        let claim = claim("pod-b").with_take_over(Some(lease.version.clone()));
        assert!(acquire(&store, &key, &claim).await.is_none());
        sleep(L - MS).await;
        assert_eq!(store.record(&key).unwrap().remaining, Some(MS));
        sleep(MS).await;
        assert!(store.record(&key).is_none());
        assert_eq!(renew(&store, &key, &lease).await, Renewed::Lost(None), "never re-created");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_store_keeps_a_dead_record_until_somebody_takes_it_over() {
    for (store, key) in cases().into_iter().filter(|(store, _)| is_observer(store)) {
        let lease = win(&store, &key, "pod-a").await;
        assert_eq!(lease.remaining, None);
        sleep(10 * L).await;
        assert_eq!(store.record(&key).unwrap(), lease);
        assert!(acquire(&store, &key, &claim("pod-b")).await.is_none());
        assert!(take(&store, &key, "pod-b").await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn durations_are_rounded_up() {
    let (store, key) = &cases()[0];
    for (asked, lives) in [(0, 1_000), (1, 1_000), (1_000, 1_000), (1_001, 2_000)] {
        let claim = Claim::new(claim("pod-a").holder, Duration::from_micros(asked));
        let lease = acquire(store, key, &claim).await.unwrap();
        assert_eq!(lease.remaining, Some(Duration::from_micros(lives)), "{asked} µs");
        store.delete(key);
    }
    let endless = Claim::new(claim("pod-a").holder, Duration::MAX);
    assert_eq!(acquire(store, key, &endless).await.unwrap().remaining, None);
}

#[tokio::test(start_paused = true)]
async fn only_the_holder_releases_and_locks_leave_nothing() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        let mut other = lease.clone();
        other.holder = Some(Holder::from_wire("pod-a_0000000000000000"));
        assert_eq!(release(&store, &key, &other).await, Released::NotHeld);
        other.holder = None;
        assert_eq!(release(&store, &key, &other).await, Released::NotHeld);
        assert_eq!(store.record(&key).unwrap(), lease, "nothing was written");

        assert_eq!(release(&store, &key, &lease).await, Released::Freed);
        assert_eq!(release(&store, &key, &lease).await, Released::NotHeld);
        let record = store.record(&key);
        let keeps = is_observer(&store) && key == election();
        assert_eq!(record.is_some(), keeps);
        assert!(is_free(record.as_ref()));
        if let Some(vacant) = record {
            assert_ne!(vacant.version, lease.version);
            assert_eq!(vacant.fencing_token, lease.fencing_token);
            assert!(matches!(renew(&store, &key, &vacant).await, Renewed::Lost(Some(_))));
        }
        win(&store, &key, "pod-b").await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_apart() {
    let (store, _) = &cases()[0];
    win(store, &election(), "pod-a").await;
    win(store, &lock(), "pod-b").await;
    assert_eq!(store.holder(&election()).as_deref(), Some("pod-a"));
    assert_eq!(store.holder(&lock()).as_deref(), Some("pod-b"));
}

#[tokio::test(start_paused = true)]
async fn stores_are_apart() {
    let ([(first, key), ..], [(second, _), ..]) = (cases(), cases());
    win(&first, &key, "pod-a").await;
    win(&second, &key, "pod-a").await;
}

#[tokio::test(start_paused = true)]
async fn it_works_as_a_shared_trait_object() {
    for (store, key) in cases() {
        let driver: std::sync::Arc<dyn Driver> = std::sync::Arc::new(store.clone());
        assert_eq!(driver.name(), "mock");
        driver.acquire(&key, &claim("pod-a")).await.unwrap();
        driver.close().await;
        assert_eq!(store.holder(&key).as_deref(), Some("pod-a"));
    }
}
