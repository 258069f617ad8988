//! The shared watch: the requests that it needs, what its streams show, and how it ends.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod fake;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dsync::ErrorKind;
use dsync::driver::{Acquired, Driver, Key, KeyKind, Observation};
use dsync_kube::KubeDriver;
use futures_util::StreamExt;
use http::Method;

use fake::{
    Asked, Events, Fake, Reply, claim, key, list, me, named, next, object, ok, record, status,
};

/// Answers lists and watches by `handler`, and keeps the watches that were opened.
fn server(
    mut handler: impl FnMut(&Asked) -> Option<Reply> + Send + 'static,
) -> (Fake, KubeDriver, Opened) {
    let opened = Opened::default();
    let watches = opened.clone();
    let (fake, client) = Fake::new(move |asked| {
        handler(asked).unwrap_or_else(|| {
            assert!(asked.is_watch(), "unexpected {asked:?}");
            let (events, reply) = Events::open();
            watches.0.lock().unwrap().push(Some(events));
            reply
        })
    });
    (fake, KubeDriver::new(client), opened)
}

#[derive(Clone, Default)]
struct Opened(Arc<Mutex<Vec<Option<Events>>>>);

impl Opened {
    async fn wait(&self, count: usize) {
        tokio::time::timeout(Duration::from_secs(60), async {
            while self.0.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("no such watch was opened");
    }

    async fn with<T>(&self, index: usize, act: impl FnOnce(&Events) -> T) -> T {
        self.wait(index + 1).await;
        act(self.0.lock().unwrap()[index].as_ref().expect("it is closed"))
    }

    /// The server ends it.
    async fn close(&self, index: usize) {
        self.wait(index + 1).await;
        self.0.lock().unwrap()[index] = None;
    }
}

fn held_at(lease: Option<dsync::driver::Lease>) -> Option<u64> {
    lease.map(|lease| lease.fencing_token.get())
}

fn b() -> Key {
    Key::new(KeyKind::Lock, "shop", "b")
}

#[tokio::test(start_paused = true)]
async fn one_list_and_one_watch_serve_all_keys_of_a_namespace() {
    let (fake, driver, opened) = server(|asked| {
        let items = [object(5, "x"), named("other", 6, "y")];
        asked.is_list().then(|| list("9", &items))
    });
    let mut a = driver.watch(&key(KeyKind::Election));
    let mut a2 = driver.watch(&key(KeyKind::Election));
    let mut b = driver.watch(&b());
    assert_eq!(held_at(record(&mut a).await), Some(5));
    assert_eq!(held_at(record(&mut a2).await), Some(5));
    assert_eq!(record(&mut b).await, None);
    opened
        .with(0, |events| {
            events.send("ADDED", &named("b", 10, "z"));
            events.send("MODIFIED", &named("other", 11, "y"));
            events.send("MODIFIED", &object(12, ""));
        })
        .await;
    assert_eq!(held_at(record(&mut b).await), Some(10));
    let released = record(&mut a).await.unwrap();
    assert_eq!((released.holder, released.fencing_token.get()), (None, 12));
    assert_eq!(held_at(record(&mut a2).await), Some(12));
    opened.with(0, |events| events.send("DELETED", &object(13, ""))).await;
    assert_eq!(record(&mut a).await, None);
    assert_eq!(fake.briefs(), ["LIST", "WATCH 9"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_shown_the_last_state() {
    let (_, driver, opened) = server(|asked| asked.is_list().then(|| list("9", &[])));
    let mut watch = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut watch).await, None);
    opened
        .with(0, |events| {
            (10..1000).for_each(|revision| events.send("MODIFIED", &object(revision, "x")));
        })
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(held_at(record(&mut watch).await), Some(999));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_joins_later_is_read_once() {
    let (fake, driver, opened) = server(|asked| match asked.brief().as_str() {
        "LIST" => Some(list("9", &[])),
        "GET b" => Some(ok(named("b", 7, "x"))),
        _ => None,
    });
    let mut a = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut a).await, None);
    opened.wait(1).await;
    let mut first = driver.watch(&b());
    assert_eq!(held_at(record(&mut first).await), Some(7));
    let mut second = driver.watch(&b());
    assert_eq!(held_at(record(&mut second).await), Some(7), "a known state is shown immediately");
    opened.with(0, |events| events.send("MODIFIED", &named("b", 10, "y"))).await;
    assert_eq!(held_at(record(&mut first).await), Some(10));
    assert_eq!(fake.briefs(), ["LIST", "WATCH 9", "GET b"]);
}

#[tokio::test(start_paused = true)]
async fn late_events_do_not_undo_what_was_written() {
    let (fake, driver, opened) = server(|asked| match asked.method {
        Method::PUT => Some(ok(object(20, me().as_str()))),
        _ => asked.is_list().then(|| list("9", &[object(9, "")])),
    });
    let key = key(KeyKind::Election);
    let mut watch = driver.watch(&key);
    assert!(record(&mut watch).await.unwrap().holder.is_none());
    // The watch has filled the cache, so that taking a free record is one write.
    let Acquired::Won(won) = driver.acquire(&key, &claim()).await.unwrap() else { panic!() };
    opened
        .with(0, |events| {
            events.send("MODIFIED", &object(15, "late"));
            events.send("DELETED", &object(16, "late"));
            events.send("MODIFIED", &object(20, me().as_str()));
            events.send("MODIFIED", &object(21, "next"));
        })
        .await;
    let mut seen = Vec::new();
    while seen.last() != Some(&21) {
        seen.push(record(&mut watch).await.unwrap().fencing_token.get());
    }
    assert!(seen.iter().all(|revision| *revision >= won.fencing_token.get()), "{seen:?}");
    assert_eq!(fake.briefs().iter().filter(|brief| *brief != "WATCH 9").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_opened_again_from_where_it_was() {
    let (fake, driver, opened) = server(|asked| asked.is_list().then(|| list("9", &[])));
    let driver = driver.with_watch_idle(Duration::from_secs(3));
    let mut watch = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut watch).await, None);
    opened.with(0, |events| events.bookmark(30)).await;
    assert_eq!(next(&mut watch).await.unwrap(), Observation::Heartbeat);
    assert_eq!(
        next(&mut watch).await.unwrap(),
        Observation::Heartbeat,
        "after it was opened again"
    );
    assert!(opened.with(0, Events::is_closed).await);
    // So it is when the server ends it.
    opened.with(1, |events| events.bookmark(31)).await;
    assert_eq!(next(&mut watch).await.unwrap(), Observation::Heartbeat);
    opened.close(1).await;
    opened.wait(3).await;
    assert_eq!(fake.briefs(), ["LIST", "WATCH 9", "WATCH 30", "WATCH 31"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_be_opened_again_ends_its_streams_and_nothing_loops() {
    let mut watches = 0;
    let (fake, driver, opened) = server(move |asked| {
        if asked.is_list() {
            return Some(list("9", &[]));
        }
        watches += 1;
        (watches == 2).then(|| status(500, "InternalError"))
    });
    let driver = driver.with_watch_idle(Duration::from_secs(3));
    let mut watch = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut watch).await, None);
    let error = next(&mut watch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(watch.next().await.is_none());
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(fake.briefs(), ["LIST", "WATCH 9", "WATCH 9"]);
    // The core subscribes again, which starts a new watch although the old stream still exists.
    let mut again = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut again).await, None);
    opened.with(1, |events| events.send("ADDED", &object(10, "x"))).await;
    drop(watch);
    assert_eq!(held_at(record(&mut again).await), Some(10));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_each_watch_at_once_is_not_asked_in_a_loop() {
    let (fake, driver, _) =
        server(
            |asked| {
                if asked.is_list() { Some(list("9", &[])) } else { Some(Reply::Text(200, "")) }
            },
        );
    let mut watch = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut watch).await, None);
    assert_eq!(next(&mut watch).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(fake.briefs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_revision_is_listed_again_but_not_in_a_loop() {
    let mut lists = 0;
    let (fake, driver, opened) = server(move |asked| {
        asked.is_list().then(|| {
            lists += 1;
            list("50", &[object(40 + lists, "x")])
        })
    });
    let mut watch = driver.watch(&key(KeyKind::Election));
    assert_eq!(held_at(record(&mut watch).await), Some(41));
    let expired = serde_json::json!({ "kind": "Status", "code": 410, "reason": "Expired" });
    opened
        .with(0, |events| {
            events.bookmark(51);
            events.send("ERROR", &expired);
        })
        .await;
    assert_eq!(held_at(record(&mut watch).await), Some(42));
    opened.with(1, |events| events.send("ERROR", &expired)).await;
    assert_eq!(next(&mut watch).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(fake.briefs(), ["LIST", "WATCH 50", "LIST", "WATCH 50"]);
}

#[tokio::test(start_paused = true)]
async fn rights_to_named_leases_are_enough() {
    let (fake, driver, opened) = server(|asked| match asked.brief().as_str() {
        "LIST" | "LIST b" => Some(status(403, "Forbidden")),
        "LIST a" => Some(list("9", &[object(5, "x")])),
        _ => None,
    });
    let mut a = driver.watch(&key(KeyKind::Election));
    assert_eq!(held_at(record(&mut a).await), Some(5));
    opened.with(0, |events| events.send("MODIFIED", &object(10, "y"))).await;
    assert_eq!(held_at(record(&mut a).await), Some(10));
    let mut b = driver.watch(&b());
    let error = next(&mut b).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("grant verb \"list\""), "{error}");
    opened.with(0, |events| events.send("MODIFIED", &object(11, "z"))).await;
    assert_eq!(held_at(record(&mut a).await), Some(11), "the other key goes on");
    assert_eq!(fake.briefs(), ["LIST", "LIST a", "WATCH 9 a", "LIST b"]);
}

#[tokio::test(start_paused = true)]
async fn the_watch_ends_with_its_last_stream_and_with_the_driver() {
    let (fake, driver, opened) = server(|asked| asked.is_list().then(|| list("9", &[])));
    let mut first = driver.watch(&key(KeyKind::Election));
    let second = driver.watch(&b());
    assert_eq!(record(&mut first).await, None);
    opened.wait(1).await;
    drop(second);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!opened.with(0, Events::is_closed).await);
    drop(first);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(opened.with(0, Events::is_closed).await);

    let mut third = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut third).await, None);
    opened.wait(2).await;
    driver.close().await;
    assert!(opened.with(1, Events::is_closed).await, "close waits for the end");
    assert_eq!(next(&mut third).await.unwrap_err().kind(), ErrorKind::Stopped);
    assert!(third.next().await.is_none());
    let mut late = driver.watch(&key(KeyKind::Election));
    assert_eq!(next(&mut late).await.unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(fake.briefs().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_driver_ends_the_watch() {
    let (_, driver, opened) = server(|asked| asked.is_list().then(|| list("9", &[])));
    let mut watch = driver.watch(&key(KeyKind::Election));
    assert_eq!(record(&mut watch).await, None);
    opened.wait(1).await;
    drop(driver);
    assert_eq!(next(&mut watch).await.unwrap_err().kind(), ErrorKind::Stopped);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(opened.with(0, Events::is_closed).await);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_watch_blocks_nothing_and_is_given_up() {
    let (_, driver, _) = server(|asked| match asked.brief().as_str() {
        "GET a" => Some(ok(object(5, "x"))),
        _ => Some(Reply::Never),
    });
    let mut watch = driver.watch(&key(KeyKind::Election));
    tokio::task::yield_now().await;
    assert!(driver.read(&key(KeyKind::Election)).await.unwrap().is_some());
    assert_eq!(held_at(record(&mut watch).await), Some(5), "what a read shows is passed on");
    assert_eq!(next(&mut watch).await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn outside_of_a_runtime_it_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let driver = runtime.block_on(async { KubeDriver::new(Fake::script(vec![]).1) });
    let mut watch = driver.watch(&key(KeyKind::Election));
    let first = runtime.block_on(watch.next()).unwrap();
    assert_eq!(first.unwrap_err().kind(), ErrorKind::NoRuntime);
}
