//! A forced leader never overlaps the one before it.

use dsync::Driver;
use dsync::driver::{Acquired, Released, Renewed};
use tokio::time::sleep;

use crate::help::*;

#[tokio::test(start_paused = true)]
async fn only_the_forced_instance_acquires() {
    for (store, key) in cases() {
        store.force_leader(&key, "pod-b");
        assert_eq!(store.acquire(&key, &claim("pod-a")).await.unwrap(), Acquired::Held(None));
        let lease = win(&store, &key, "pod-b").await;
        release(&store, &key, &lease).await;
        assert!(take(&store, &key, "pod-a").await.is_none());
        store.clear_forced(&key);
        assert!(take(&store, &key, "pod-a").await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn the_deposed_leader_hears_of_it_at_once() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        let mut watch = store.watch(&key);
        assert_eq!(shown(&mut watch).await.unwrap(), lease);
        store.force_leader(&key, "pod-b");
        let seen = shown(&mut watch).await.unwrap();
        assert!(!seen.is_held_by(lease.holder.as_ref().unwrap()), "it is not the holder any more");
        assert_eq!(seen.pulse, lease.pulse, "it is no sign of life");
        assert_eq!(seen.duration, lease.duration);
        assert_eq!(renew(&store, &key, &lease).await, Renewed::Lost(None));
        assert_eq!(store.holder(&key).as_deref(), Some("pod-a"), "its lease still runs");
    }
}

#[tokio::test(start_paused = true)]
async fn the_forced_leader_waits_for_the_release_of_the_deposed_one() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        let mut watch = store.watch(&key);
        store.force_leader(&key, "pod-b");
        assert!(take(&store, &key, "pod-b").await.is_none());
        shown(&mut watch).await;
        assert_eq!(release(&store, &key, &lease).await, Released::Freed);
        assert!(is_free(shown(&mut watch).await.as_ref()));
        let forced = take(&store, &key, "pod-b").await.unwrap();
        assert!(forced.fencing_token > lease.fencing_token);
        assert_eq!(release(&store, &key, &lease).await, Released::NotHeld);
    }
}

#[tokio::test(start_paused = true)]
async fn the_forced_leader_waits_until_the_lease_of_the_deposed_one_has_run_out() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        sleep(L / 3).await;
        let lease = keep(&store, &key, &lease).await;
        store.force_leader(&key, "pod-b");
        // Neither does it help to force twice.
        sleep(L / 2).await;
        store.force_leader(&key, "pod-c");
        store.force_leader(&key, "pod-b");
        assert_eq!(renew(&store, &key, &lease).await, Renewed::Lost(None));
        sleep(L / 2 - MS).await;
        assert!(take(&store, &key, "pod-b").await.is_none());
        sleep(MS).await;
        assert!(take(&store, &key, "pod-c").await.is_none());
        assert!(take(&store, &key, "pod-b").await.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn forcing_the_present_leader_leaves_it_alone() {
    for (store, key) in cases() {
        let lease = win(&store, &key, "pod-a").await;
        store.force_leader(&key, "pod-a");
        assert_eq!(store.record(&key).unwrap(), lease);
        keep(&store, &key, &lease).await;
    }
}
