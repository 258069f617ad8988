//! Fail-overs, among them one that loses an acquisition: the schedule of the README.

use std::time::Duration;

use dsync::FenceGate;
use dsync::Resource;
use dsync::driver::{Acquired, Claim, Driver, Holder, KeyKind, Nonce, Renewed};
use dsync_redis::RedisDriver;

use test_servers::{RedisOptions, redis_own};

use crate::clients::command;
use crate::{block_on, server};

fn won(answer: Acquired) -> dsync::driver::Lease {
    let Acquired::Won(lease) = answer else { panic!("{answer:?}") };
    lease
}

pub(crate) fn promoted() {
    block_on(async {
        let master = server(&[]);
        let replica = server(&[]);
        let address = master.address().unwrap();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        command::<()>(replica.url(), &["REPLICAOF", &host, &port]).await;
        let follows = |text: String| text.contains("master_link_status:up");
        while !follows(command::<String>(replica.url(), &["INFO", "replication"]).await) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Cut the replica off.
        command::<()>(replica.url(), &["REPLICAOF", "127.0.0.1", "1"]).await;

        let key = Resource::new("x").with_scope("default").key(KeyKind::Election);
        let lease = Duration::from_secs(15);
        let a = RedisDriver::open(master.url()).unwrap();
        let claim = Claim::new(Holder::new("a", Nonce::new(1)), lease);
        let first = won(a.acquire(&key, &claim).await.unwrap());

        master.kill(0).unwrap();
        command::<()>(replica.url(), &["REPLICAOF", "NO", "ONE"]).await;

        // As the capabilities say, the lease is lost, and another candidate acquires it before the
        // first can notice.
        let b = RedisDriver::open(replica.url()).unwrap();
        let claim = Claim::new(Holder::new("b", Nonce::new(2)), lease);
        let second = won(b.acquire(&key, &claim).await.unwrap());
        assert!(b.capabilities().token_survives_loss);
        assert!(second.fencing_token > first.fencing_token, "{first:?} {second:?}");

        // A resource that checks tokens refuses the first.
        let gate = FenceGate::new();
        assert!(gate.admit(first.fencing_token).is_ok());
        assert!(gate.admit(second.fencing_token).is_ok());
        assert!(gate.admit(first.fencing_token).is_err());

        // The first candidate notices the loss as soon as it reaches the new master.
        let a = RedisDriver::open(replica.url()).unwrap();
        let renewed = a.renew(&key, &first).await.unwrap();
        assert!(matches!(renewed, Renewed::Lost(Some(_))), "{renewed:?}");
    });
}

pub(crate) fn sentinels() {
    block_on(async {
        let master = server(&[]);
        let address = master.address().unwrap();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let replica = server(&["--replicaof", &host, &port]);
        let sentinel_of = Some(("service".to_owned(), address));
        let options = RedisOptions { sentinel_of, ..RedisOptions::default() };
        let sentinel = redis_own(&options).unwrap();
        let sentinel_address = sentinel.address().unwrap();
        // The sentinel learns of replicas by asking the master.
        let knows = |text: String| text.contains("slaves=1");
        while !knows(command::<String>(sentinel.url(), &["INFO", "sentinel"]).await) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let driver =
            RedisDriver::open(&format!("redis+sentinel://{sentinel_address}/service")).unwrap();
        let key = Resource::new("x").with_scope("default").key(KeyKind::Election);
        let claim =
            |nonce| Claim::new(Holder::new("a", Nonce::new(nonce)), Duration::from_secs(15));
        let first = won(driver.acquire(&key, &claim(1)).await.unwrap());

        master.kill(0).unwrap();
        // As the core does: retry after a while.
        let second = loop {
            match driver.acquire(&key, &claim(2)).await {
                Ok(Acquired::Won(lease)) => break lease,
                // The replica has the first record; release it.
                Ok(Acquired::Held(_)) => drop(driver.release(&key, &first).await),
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert!(second.fencing_token > first.fencing_token);
        drop(replica);

        let stranger =
            RedisDriver::open(&format!("redis+sentinel://{sentinel_address}/another")).unwrap();
        let error = stranger.acquire(&key, &claim(3)).await.unwrap_err();
        assert!(!error.is_ambiguous() && error.to_string().contains("another"), "{error}");
    });
}
