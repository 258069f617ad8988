//! A cluster of real nodes.

use std::time::Duration;

use dsync::Resource;
use dsync::driver::{
    Acquired, Claim, Driver, Holder, Key, KeyKind, Lease, Nonce, Released, Renewed,
};
use dsync::{Config, Dsync, ErrorKind};
use dsync_redis::RedisDriver;
use futures_util::StreamExt as _;
use test_servers::{RedisOptions, Server, redis_own};

use crate::block_on;
use crate::clients::command;

const SLOTS: u32 = 16384;
/// The record of [`key`]`(0)`.
const RECORD: &str = "dsync:lock:{default/default.lock.0}";

pub(crate) fn node() -> Server {
    redis_own(&RedisOptions { is_cluster_node: true, ..RedisOptions::default() }).unwrap()
}

/// Starts a cluster in which each master has an equal share of the slots, and each of the first
/// `replicas` masters has a replica.
async fn cluster(masters: u32, replicas: usize) -> Vec<Server> {
    let nodes: Vec<_> = (0..masters as usize + replicas).map(|_| node()).collect();
    for (number, node) in (0..masters).zip(&nodes) {
        let share = |number: u32| (SLOTS * number / masters).to_string();
        let last = (SLOTS * (number + 1) / masters - 1).to_string();
        command::<()>(node.url(), &["CLUSTER", "ADDSLOTSRANGE", &share(number), &last]).await;
        let epoch = (number + 1).to_string();
        command::<()>(node.url(), &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
    }
    for node in &nodes[1..] {
        let first = nodes[0].address().unwrap();
        let bus: Vec<String> = command(nodes[0].url(), &["CONFIG", "GET", "cluster-port"]).await;
        let (host, port) = (first.ip().to_string(), first.port().to_string());
        command::<()>(node.url(), &["CLUSTER", "MEET", &host, &port, &bus[1]]).await;
    }
    for node in &nodes {
        let all =
            |text: &String| text.lines().count() == nodes.len() && !text.contains("handshake");
        until(node, &["CLUSTER", "NODES"], all).await;
    }
    for (replica, master) in nodes[masters as usize..].iter().zip(&nodes) {
        let id: String = command(master.url(), &["CLUSTER", "MYID"]).await;
        command::<()>(replica.url(), &["CLUSTER", "REPLICATE", &id]).await;
        until(replica, &["INFO", "replication"], |text| text.contains("link_status:up")).await;
    }
    for node in &nodes {
        until(node, &["CLUSTER", "INFO"], |text| text.contains("cluster_state:ok")).await;
    }
    nodes
}

/// Repeats a command until its answer is right.
async fn until(node: &Server, words: &[&str], right: impl Fn(&String) -> bool) {
    let asked = async {
        while !right(&command::<String>(node.url(), words).await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| panic!("no answer to {words:?}"));
}

fn driver(nodes: &[Server]) -> RedisDriver {
    let hosts: Vec<_> = nodes.iter().map(|node| node.address().unwrap().to_string()).collect();
    RedisDriver::open(&format!("redis+cluster://{}", hosts.join(","))).unwrap()
}

fn key(number: u64) -> Key {
    Resource::new(number.to_string()).with_scope("default").key(KeyKind::Lock)
}

fn claim(nonce: u64) -> Claim {
    Claim::new(Holder::new("a", Nonce::new(nonce)), Duration::from_secs(15))
}

async fn win(driver: &RedisDriver, number: u64) -> Lease {
    match driver.acquire(&key(number), &claim(number)).await.unwrap() {
        Acquired::Won(lease) => lease,
        Acquired::Held(held) => panic!("held: {held:?}"),
    }
}

async fn keys_at(node: &Server) -> usize {
    command(node.url(), &["DBSIZE"]).await
}

pub(crate) fn slots() {
    block_on(async {
        let nodes = cluster(3, 0).await;
        // The driver learns the other nodes from the first.
        let driver = driver(&nodes[..1]);
        let mut watch = driver.watch(&key(0));
        let greeting = watch.next().await.unwrap();
        assert!(greeting.is_ok(), "{greeting:?}");
        let mut leases = Vec::new();
        for number in 0..30 {
            leases.push(win(&driver, number).await);
        }
        // Record and counter of each.
        let counts = [keys_at(&nodes[0]).await, keys_at(&nodes[1]).await, keys_at(&nodes[2]).await];
        assert_eq!(counts.iter().sum::<usize>(), 60, "{counts:?}");
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        for (number, lease) in (0..30).zip(&leases) {
            let key = key(number);
            assert_eq!(driver.read(&key).await.unwrap().unwrap().holder, lease.holder);
            assert!(matches!(driver.renew(&key, lease).await, Ok(Renewed::Kept(_))));
            assert_eq!(driver.release(&key, lease).await.unwrap(), Released::Freed);
        }
        let released = tokio::time::timeout(Duration::from_secs(10), watch.next()).await.unwrap();
        assert!(released.unwrap().is_ok());

        // Two replicas of a service, whose watches are on different nodes.
        let dsyncs = [(0, "a"), (1, "b")].map(|(node, name)| {
            let driver = self::driver(&nodes[node..=node]);
            Dsync::new(driver, Config::new(name)).unwrap()
        });
        let guard = dsyncs[0].lock("x").unwrap().lock().await.unwrap();
        let waiter = dsyncs[1].lock("x").unwrap();
        let waiting = tokio::spawn(async move { waiter.lock().await.unwrap().unlock().await });
        let channel = "dsync:lock:{default/unscoped.lock.x}";
        while subscribers(&nodes, channel).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let released = std::time::Instant::now();
        guard.unlock().await.unwrap();
        waiting.await.unwrap().unwrap();
        let took = released.elapsed();
        assert!(took < Duration::from_secs(5), "the release was not noticed: {took:?}");
        for dsync in &dsyncs {
            dsync.shutdown().await;
        }
    });
}

async fn subscribers(nodes: &[Server], channel: &str) -> i64 {
    let mut all = 0;
    for node in nodes {
        all += command::<(String, i64)>(node.url(), &["PUBSUB", "NUMSUB", channel]).await.1;
    }
    all
}

pub(crate) fn moved() {
    block_on(async {
        let nodes = cluster(2, 0).await;
        let slot: u32 = command(nodes[0].url(), &["CLUSTER", "KEYSLOT", RECORD]).await;
        let (owner, other) = (slot * 2 / SLOTS, 1 - slot * 2 / SLOTS);
        let driver = driver(&nodes[..1]);
        let lease = win(&driver, 0).await;
        driver.release(&key(0), &lease).await.unwrap();

        // Used as a single server, a node returns an error that says how to connect.
        let wrong = RedisDriver::open(nodes[other as usize].url()).unwrap();
        let error = wrong.acquire(&key(0), &claim(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(!error.is_ambiguous() && error.to_string().contains("redis+cluster://"), "{error}");

        // Only the counter is left; delete it, too.
        command::<()>(nodes[owner as usize].url(), &["FLUSHALL"]).await;
        let id: String = command(nodes[other as usize].url(), &["CLUSTER", "MYID"]).await;
        for node in [other, owner] {
            let words = ["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &id];
            command::<()>(nodes[node as usize].url(), &words).await;
        }
        let again = win(&driver, 0).await;
        assert!(again.fencing_token > lease.fencing_token);
        assert_eq!(keys_at(&nodes[other as usize]).await, 2);
        assert_eq!(keys_at(&nodes[owner as usize]).await, 0);
    });
}

pub(crate) fn fail_over() {
    block_on(async {
        let nodes = cluster(3, 3).await;
        let slot: u32 = command(nodes[0].url(), &["CLUSTER", "KEYSLOT", RECORD]).await;
        let owner = (slot * 3 / SLOTS) as usize;
        let driver = driver(&nodes[..3]);
        let first = win(&driver, 0).await;
        // Wait until the replica has the record, so that the fail-over loses nothing.
        until(&nodes[3 + owner], &["DBSIZE"], |count| count == "2").await;

        nodes[owner].kill(0).unwrap();
        // As the core does: retry after a while.
        let second = loop {
            match driver.acquire(&key(0), &claim(1)).await {
                Ok(Acquired::Won(lease)) => break lease,
                Ok(Acquired::Held(_)) => drop(driver.release(&key(0), &first).await),
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert!(second.fencing_token > first.fencing_token);
        let renewed = driver.renew(&key(0), &second).await.unwrap();
        assert!(matches!(renewed, Renewed::Kept(_)), "{renewed:?}");
    });
}
