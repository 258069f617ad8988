//! Store leases: which are reused, which are left alone, and which remain.

use std::time::Duration;

use dsync::driver::{Driver, Renewed};
use etcd_client::Client;

use crate::{block_on, claim, client, cluster, driver, key, until, win};

async fn ids(client: &mut Client) -> Vec<i64> {
    let leases = client.leases().await.unwrap();
    leases.leases().iter().map(etcd_client::LeaseStatus::id).collect()
}

pub(crate) fn used_again() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut client = client(&server).await;
        let driver = driver(&server);
        let first = win(&driver, &key("x"), 1).await;
        driver.release(&key("x"), &first).await.unwrap();
        let spare = ids(&mut client).await;
        assert_eq!(spare.len(), 1);
        let second = win(&driver, &key("y"), 2).await;
        assert_eq!(ids(&mut client).await, spare);
        driver.release(&key("y"), &second).await.unwrap();
        until("the spare is too old to last for as long as a claim asks", || {
            let (mut client, spare) = (client.clone(), spare[0]);
            async move {
                let left = client.lease_time_to_live(spare, None).await.unwrap().ttl();
                left < claim(3).duration.as_secs().cast_signed()
            }
        })
        .await;
        let third = win(&driver, &key("z"), 3).await;
        until("the old spare is revoked", || {
            let mut client = client.clone();
            let spare = spare.clone();
            async move { ids(&mut client).await.iter().all(|id| !spare.contains(id)) }
        })
        .await;
        assert!(matches!(driver.renew(&key("z"), &third).await, Ok(Renewed::Kept(_))));
    });
}

pub(crate) fn left_over() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut client = client(&server).await;
        let driver = driver(&server);
        let mut held = Vec::new();
        for nonce in 0..20 {
            let key = key(&format!("x{nonce}"));
            let lease = win(&driver, &key, nonce).await;
            held.push((key, lease));
        }
        assert_eq!(ids(&mut client).await.len(), 20);
        for (key, lease) in &held {
            driver.release(key, lease).await.unwrap();
        }
        until("at most the spare is left", || {
            let mut client = client.clone();
            async move { ids(&mut client).await.len() <= 1 }
        })
        .await;
        driver.close().await;
        assert_eq!(ids(&mut client).await, Vec::<i64>::new());
        let keys = client.get("", Some(etcd_client::GetOptions::new().with_all_keys())).await;
        assert!(keys.unwrap().kvs().is_empty());
    });
}

/// An acquisition without an answer may have been applied, so its store lease must stay.
pub(crate) fn unknown_outcome() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut client = client(&server).await;
        let driver = driver(&server);
        // Leave a spare, so that the next acquisition sends only its transaction.
        let first = win(&driver, &key("x"), 1).await;
        driver.release(&key("x"), &first).await.unwrap();
        let spare = ids(&mut client).await;
        server.pause(0).unwrap();
        let (lost, other) = (claim(2), key("y"));
        let limit = Duration::from_millis(300);
        let asked = tokio::time::timeout(limit, driver.acquire(&other, &lost));
        assert!(asked.await.is_err(), "an answer of a paused server");
        server.resume(0).unwrap();
        // The request may have been applied, or dropped.
        let landed = driver.read(&key("y")).await.unwrap();
        assert!(landed.as_ref().is_none_or(|lease| lease.is_held_by(&lost.holder)), "{landed:?}");
        // Neither another acquisition nor closing the driver revokes the store lease.
        let third = win(&driver, &key("z"), 3).await;
        driver.release(&key("z"), &third).await.unwrap();
        driver.close().await;
        assert!(ids(&mut client).await.contains(&spare[0]));
        let kept = client.get("dsync/lock/default/default.lock.y", None).await.unwrap();
        assert_eq!(kept.kvs().is_empty(), landed.is_none());
    });
}

pub(crate) fn without_key() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut client = client(&server).await;
        let driver = driver(&server);
        let lease = win(&driver, &key("x"), 1).await;
        client.delete("dsync/lock/default/default.lock.x", None).await.unwrap();
        // The store lease still exists and can be kept alive.
        assert_eq!(ids(&mut client).await.len(), 1);
        let renewed = driver.renew(&key("x"), &lease).await.unwrap();
        assert!(matches!(renewed, Renewed::Lost(None)), "{renewed:?}");
    });
}

/// Answers to keep-alives do not name their request.
pub(crate) fn late_answer() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut client = client(&server).await;
        let driver = driver(&server);
        let (first, second) = (key("x"), key("y"));
        let (one, two) = (win(&driver, &first, 1).await, win(&driver, &second, 2).await);
        assert!(matches!(driver.renew(&first, &one).await, Ok(Renewed::Kept(_))));
        // The second store lease is gone: an answer to the first keep-alive is no proof.
        let id = i64::from_str_radix(two.version.as_str().split_once('-').unwrap().1, 16).unwrap();
        client.lease_revoke(id).await.unwrap();
        let renewed = driver.renew(&second, &two).await.unwrap();
        assert!(matches!(renewed, Renewed::Lost(None)), "{renewed:?}");
    });
}

pub(crate) fn of_its_own() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut client = client(&server).await;
        let driver = driver(&server);
        for name in ["x", "y", "z"] {
            win(&driver, &key(name), 1).await;
        }
        let ids = ids(&mut client).await;
        assert_eq!(ids.len(), 3, "three keys, and not as many store leases");
    });
}
