use std::sync::Arc;
use std::time::Duration;

use dsync::Resource;
use dsync::driver::{Acquired, Claim, Driver as _, Holder, Key, KeyKind, Nonce, Version};
use dsync_kube::KubeDriver;

use crate::test_server::{L, TestServer, block_on, scope, within};

const ROUNDS: u64 = 200;
const CANDIDATES: u64 = 8;

async fn race(drivers: &[Arc<KubeDriver>], key: &Key, take_over: Option<Version>) -> usize {
    let mut set = tokio::task::JoinSet::new();
    for (number, driver) in (0..).zip(drivers) {
        let (driver, key, take_over) = (Arc::clone(driver), key.clone(), take_over.clone());
        set.spawn(async move {
            let holder = Holder::new("racer", Nonce::new(number));
            let claim = Claim::new(holder, L).with_take_over(take_over);
            matches!(driver.acquire(&key, &claim).await.unwrap(), Acquired::Won(_))
        });
    }
    set.join_all().await.into_iter().filter(|won| *won).count()
}

async fn drivers(server: &TestServer) -> Vec<Arc<KubeDriver>> {
    let mut drivers = Vec::new();
    for _ in 0..CANDIDATES {
        drivers.push(Arc::new(server.driver().await));
    }
    drivers
}

pub(crate) fn free(server: Arc<TestServer>) {
    block_on(async {
        let (drivers, scope) = (drivers(&server).await, scope("free"));
        for round in 0..ROUNDS {
            let key = Resource::new(format!("r{round}")).with_scope(&scope).key(KeyKind::Election);
            assert_eq!(race(&drivers, &key, None).await, 1, "winners in round {round}");
        }
    });
}

pub(crate) fn expired(server: Arc<TestServer>) {
    block_on(async {
        let drivers = drivers(&server).await;
        let key = Resource::new("x").with_scope(scope("expired")).key(KeyKind::Election);
        assert_eq!(race(&drivers, &key, None).await, 1);
        for round in 0..ROUNDS {
            // All candidates have seen the same dead holder and take over at the same version.
            let seen = drivers[0].read(&key).await.unwrap().unwrap();
            let winners = race(&drivers, &key, Some(seen.version.clone())).await;
            assert_eq!(winners, 1, "winners in round {round}");
            let now = drivers[0].read(&key).await.unwrap().unwrap();
            assert!(now.fencing_token > seen.fencing_token);
        }
    });
}

pub(crate) fn again(server: Arc<TestServer>) {
    block_on(async {
        let scope = scope("again");
        let (a, b) = (server.pod("pod-a", &scope).await, server.pod("pod-b", &scope).await);
        let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
        let first = a.election("task").unwrap();
        let of = Arc::clone(&calls);
        first.when_elected(move |term| {
            of.lock().unwrap().push(term.fencing_token());
            async move { term.ended().await }
        });
        first.elected().await.unwrap();
        let second = b.election("task").unwrap();
        within("b sees a", L, || second.leader().as_deref() == Some("pod-a")).await;
        first.resign().await.unwrap();
        let middle = second.elected().await.unwrap();
        within("a sees b", L, || first.leader().as_deref() == Some("pod-b")).await;
        second.stop().await.unwrap();
        first.elected().await.unwrap();
        tokio::time::timeout(L, async {
            while calls.lock().unwrap().len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        let calls = calls.lock().unwrap().clone();
        assert!(calls[0] < middle.fencing_token() && middle.fencing_token() < calls[1]);
        a.shutdown().await;
    });
}
