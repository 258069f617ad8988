//! Fencing tokens after the server has lost data, and the keys that remain.

use dsync::{Config, Dsync, FencingToken};
use dsync_redis::RedisDriver;
use test_servers::Server;

use crate::clients::command;
use crate::{block_on, server};

/// Returns the token of one acquisition by a candidate that knows no earlier token.
async fn token(server: &Server) -> FencingToken {
    let driver = RedisDriver::open(server.url()).unwrap();
    let dsync = Dsync::new(driver, Config::new("a")).unwrap();
    let guard = dsync.lock("x").unwrap().lock().await.unwrap();
    let token = guard.fencing_token();
    guard.unlock().await.unwrap();
    dsync.shutdown().await;
    token
}

pub(crate) fn forgotten() {
    block_on(async {
        let server = server(&[]);
        let first = token(&server).await;
        command::<()>(server.url(), &["FLUSHALL"]).await;
        let second = token(&server).await;
        server.forget().unwrap();
        let third = token(&server).await;
        server.kill(0).unwrap();
        server.start(0).unwrap();
        let fourth = token(&server).await;
        assert!(first < second && second < third && third < fourth);
    });
}

pub(crate) fn uncounted() {
    block_on(async {
        let server = server(&[]);
        let first = token(&server).await;
        let counter: Vec<String> = command(server.url(), &["KEYS", "dsync:*:token"]).await;
        assert_eq!(counter.len(), 1, "{counter:?}");
        command::<i64>(server.url(), &["DEL", &counter[0]]).await;
        let second = token(&server).await;
        // A clock that was set back: the counter is ahead of it.
        let ahead = "5000000000000000";
        command::<()>(server.url(), &["SET", &counter[0], ahead]).await;
        let third = token(&server).await;
        assert!(first < second && second < third);
        assert_eq!(third.get(), ahead.parse::<u64>().unwrap() + 1);
    });
}

pub(crate) fn left_over() {
    block_on(async {
        let server = server(&[]);
        token(&server).await;
        let names: Vec<String> = command(server.url(), &["KEYS", "*"]).await;
        assert_eq!(names, ["dsync:lock:{default/unscoped.lock.x}:token"]);
        let expiry: i64 = command(server.url(), &["TTL", &names[0]]).await;
        assert!(expiry > 29 * 24 * 60 * 60, "{expiry}");
    });
}
