//! A separate client, for commands that the driver does not send.

use std::time::Duration;

use dsync::{Config, Dsync};
use dsync_redis::RedisDriver;
use redis::{Client, Cmd, FromRedisValue};

use crate::{block_on, server};

/// Runs one command on a new connection.
pub(crate) async fn command<T: FromRedisValue>(url: &str, words: &[&str]) -> T {
    let client = Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut request = Cmd::new();
    for word in words {
        request.arg(*word);
    }
    request.query_async(&mut connection).await.unwrap()
}

async fn clients(url: &str) -> usize {
    // Minus the connection of this command.
    command::<String>(url, &["CLIENT", "LIST"]).await.lines().count() - 1
}

pub(crate) fn left_over() {
    block_on(async {
        let server = server(&[]);
        assert_eq!(clients(server.url()).await, 0);
        let driver = RedisDriver::open(server.url()).unwrap();
        let dsync = Dsync::new(driver, Config::new("a")).unwrap();
        let lock = dsync.lock("x").unwrap();
        let guard = lock.lock().await.unwrap();
        // A waiter, so that a watch exists.
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
