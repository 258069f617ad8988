//! A cluster that loses its leader, a member, or its history.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Driver, Observation, Renewed};
use dsync::{Config, Dsync, ErrorKind, Timing};
use etcd_client::Client;
use futures_util::StreamExt as _;
use test_servers::Server;

use crate::{block_on, claim, client, cluster, driver, endpoints, key, win};

async fn leader(server: &Server) -> usize {
    for (number, endpoint) in endpoints(server).into_iter().enumerate() {
        let mut client = Client::connect([endpoint], None).await.unwrap();
        let status = client.status().await.unwrap();
        if status.leader() == status.header().unwrap().member_id() {
            return number;
        }
    }
    panic!("no member leads");
}

pub(crate) fn compaction() {
    block_on(async {
        let server = cluster(1, &[]);
        let mut client = client(&server).await;
        let driver = driver(&server);
        let mut watch = driver.watch(&key("x"));
        assert_eq!(watch.next().await.unwrap().unwrap(), Observation::Heartbeat);
        for number in 0..50 {
            client.put("filler", format!("{number}"), None).await.unwrap();
        }
        let revision = client.get("filler", None).await.unwrap().header().unwrap().revision();
        client.compact(revision, None).await.unwrap();
        let lease = win(&driver, &key("x"), 1).await;
        let seen = watch.next().await.unwrap().unwrap();
        assert!(matches!(&seen, Observation::Record(Some(found)) if found.holder == lease.holder));
        // So does a watch that starts after the compaction.
        let mut watch = driver.watch(&key("x"));
        assert_eq!(watch.next().await.unwrap().unwrap(), Observation::Heartbeat);
        driver.release(&key("x"), &lease).await.unwrap();
        assert_eq!(watch.next().await.unwrap().unwrap(), Observation::Record(None));
    });
}

pub(crate) fn dead() {
    block_on(async {
        let server = cluster(3, &[]);
        let driver = driver(&server);
        let lease = win(&driver, &key("x"), 1).await;
        // Kill each member once, among them the one that the driver is connected to.
        for member in 0..3 {
            let was_leader = leader(&server).await == member;
            server.kill(member).unwrap();
            let renewed = async {
                loop {
                    match driver.renew(&key("x"), &lease).await {
                        Ok(renewed) => break renewed,
                        // As the core does: retry after a while.
                        Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                    }
                }
            };
            let limit = Duration::from_secs(if was_leader { 9 } else { 4 });
            let renewed =
                tokio::time::timeout(limit, renewed).await.expect("it found another member");
            assert!(matches!(renewed, Renewed::Kept(_)), "{renewed:?}");
            server.start(member).unwrap();
        }
    });
}

pub(crate) fn paused() {
    block_on(async {
        let server = Arc::new(cluster(3, &[]));
        let timing = Timing::new(Duration::from_secs(15));
        let config = |name: &str| Config::new(name).with_timing(timing.clone());
        let (a, b) = (driver(&server), driver(&server));
        let a = Dsync::new(a, config("a")).unwrap();
        let b = Dsync::new(b, config("b")).unwrap();
        let guard = a.lock("x").unwrap().lock().await.unwrap();
        let leader = leader(&server).await;
        server.pause(leader).unwrap();
        // The lock is handed over while the leader is paused.
        let waiter = b.lock("x").unwrap();
        let waiting = tokio::spawn(async move { waiter.lock().await.unwrap() });
        let first = guard.fencing_token();
        // The lock may have been lost in the meantime; then it runs out.
        let _ = guard.unlock().await;
        let second = tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap().unwrap();
        assert!(second.fencing_token() > first);
        server.resume(leader).unwrap();
        second.unlock().await.unwrap();
        a.shutdown().await;
        b.shutdown().await;
    });
}

pub(crate) fn alone() {
    block_on(async {
        let server = cluster(3, &[]);
        let survivor = endpoints(&server).remove(0);
        server.kill(1).unwrap();
        server.kill(2).unwrap();
        let options = dsync_etcd::EtcdOptions::new([survivor]);
        let driver = dsync_etcd::EtcdDriver::open(options).unwrap();
        let (key, claim) = (key("x"), claim(1));
        let asked = async {
            loop {
                let limit = Duration::from_secs(2);
                let asked = driver.acquire(&key, &claim);
                let Ok(answer) = tokio::time::timeout(limit, asked).await else { continue };
                let error = answer.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                if error.to_string().contains("cut off") {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asked)
            .await
            .expect("the error names the cause");
    });
}
