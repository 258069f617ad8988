//! Another client, and what is said to the server past the driver.

use std::time::Duration;

use dsync::{Config, Dsync};
use dsync_redis::RedisDriver;
use redis::{Client, Cmd, FromRedisValue};

use crate::{block_on, server};

/// One command, on a connection of its own.
pub(crate) async fn say<T: FromRedisValue>(url: &str, words: &[&str]) -> T {
    let client = Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command.query_async(&mut connection).await.unwrap()
}

async fn clients(url: &str) -> usize {
    // Whoever asks is one as well.
    say::<String>(url, &["CLIENT", "LIST"]).await.lines().count() - 1
}

pub(crate) fn left_over() {
    block_on(async {
        let server = server(&[]);
        assert_eq!(clients(server.url()).await, 0);
        let driver = RedisDriver::open(server.url()).unwrap();
        let dsync = Dsync::new(driver, Config::new("a")).unwrap();
        let lock = dsync.lock("x").unwrap();
        let guard = lock.lock().await.unwrap();
        // Somebody waits, so that there is a watch.
        let other = RedisDriver::open(server.url()).unwrap();
        let other = Dsync::new(other, Config::new("b")).unwrap();
        let waiter = other.lock("x").unwrap();
        let waiting = tokio::spawn(async move { waiter.lock().await.unwrap().unlock().await });
        while clients(server.url()).await < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        guard.unlock().await.unwrap();
        waiting.await.unwrap().unwrap();
        dsync.shutdown().await;
        other.shutdown().await;
        drop((dsync, other, lock));
        while clients(server.url()).await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
