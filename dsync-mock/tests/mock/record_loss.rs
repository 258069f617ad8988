//! What operators and other programs do to a record.

use std::time::Duration;

use dsync::Driver;
use dsync::driver::{Released, Renewed};
use tokio::time::sleep;

use crate::help::*;

#[tokio::test(start_paused = true)]
async fn an_expired_or_deleted_record_reads_as_free_and_is_lost() {
    for expires in [true, false] {
        for (store, key) in cases() {
            let lease = win(&store, &key, "pod-a").await;
            let mut watch = store.watch(&key);
            shown(&mut watch).await;
            if expires {
                store.expire(&key);
            } else {
                store.delete(&key);
                assert_eq!(store.record(&key), None);
            }
            assert!(is_free(shown(&mut watch).await.as_ref()));
            assert!(is_free(store.read(&key).await.unwrap().as_ref()));
            assert!(matches!(renew(&store, &key, &lease).await, Renewed::Lost(_)));
            assert_eq!(release(&store, &key, &lease).await, Released::NotHeld);
            assert!(is_free(store.record(&key).as_ref()), "never re-created");
            let next = win(&store, &key, "pod-b").await;
            assert!(next.fencing_token > lease.fencing_token);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_emptied_record_is_free() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        store.empty(&key);
        let record = store.record(&key);
        assert_eq!(record.is_some(), is_observer(&store));
        assert!(is_free(record.as_ref()));
        assert!(matches!(renew(&store, &key, &lease).await, Renewed::Lost(_)));
        assert!(take(&store, &key, "pod-b").await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn an_overwritten_record_belongs_to_another() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        let mut watch = store.watch(&key);
        shown(&mut watch).await;
        store.overwrite(&key, "kubectl", Duration::from_secs(3));
        let seen = shown(&mut watch).await.unwrap();
        assert_eq!(seen.holder.as_ref().unwrap().as_str(), "kubectl");
        assert_eq!(seen.duration, Some(Duration::from_secs(3)));
        assert!(seen.fencing_token > lease.fencing_token);
        assert_ne!(seen.version, lease.version);
        assert_ne!(seen.pulse, lease.pulse);
        assert_eq!(renew(&store, &key, &lease).await, Renewed::Lost(Some(seen)));
        assert_eq!(release(&store, &key, &lease).await, Released::NotHeld);
        assert_eq!(store.holder(&key).as_deref(), Some("kubectl"));
        sleep(Duration::from_secs(3)).await;
        assert!(take(&store, &key, "pod-b").await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn controls_do_not_invent_records() {
    for (store, key) in cases() {
        store.expire(&key);
        store.delete(&key);
        store.empty(&key);
        store.touch(&key);
        assert_eq!(store.record(&key), None);
        assert_eq!(store.holder(&key), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgets_grants_higher_tokens_still() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        let mut watch = store.watch(&key);
        shown(&mut watch).await;
        store.forget();
        assert_eq!(shown(&mut watch).await, None);
        assert!(matches!(renew(&store, &key, &lease).await, Renewed::Lost(None)));
        assert!(win(&store, &key, "pod-b").await.fencing_token > lease.fencing_token);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fail_over_loses_the_last_write_alone() {
    for (store, key) in cases() {
        assert!(!store.lose_last_write(&key));
        let lease = win(&store, &key, "pod-a").await;
        assert_eq!(release(&store, &key, &lease).await, Released::Freed);
        assert!(store.lose_last_write(&key), "the release is undone");
        assert_eq!(store.holder(&key).as_deref(), Some("pod-a"));
        assert!(!store.lose_last_write(&key), "one write, no more");

        let Renewed::Kept(lease) = renew(&store, &key, &lease).await else { panic!("it is held") };
        assert!(store.lose_last_write(&key));
        let expected = is_observer(&store);
        let conflicts = matches!(renew(&store, &key, &lease).await, Renewed::Conflict);
        assert_eq!(conflicts, expected, "the version went back with the record");
    }
}
