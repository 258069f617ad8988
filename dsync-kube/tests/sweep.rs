//! What the sweep deletes, and what it leaves alone.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod fake;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dsync_kube::KubeDriver;
use http::Method;
use serde_json::{Value, json};

use fake::{Fake, Reply, list, named, status};

fn driver(items: &Arc<Mutex<Vec<Value>>>) -> (Fake, KubeDriver) {
    let items = Arc::clone(items);
    let (fake, client) = Fake::new(move |asked| match asked.method {
        Method::DELETE if asked.path.ends_with("/taken") => status(409, "Conflict"),
        Method::DELETE if asked.path.ends_with("/gone") => status(404, "NotFound"),
        Method::DELETE => Reply::Json(200, json!({ "kind": "Status" })),
        _ => {
            assert!(asked.query.contains("labelSelector="), "{asked:?}");
            list("9", &items.lock().unwrap())
        }
    });
    (fake, KubeDriver::new(client))
}

fn deleted(fake: &Fake) -> Vec<String> {
    fake.briefs().into_iter().filter(|brief| brief.starts_with("DELETE")).collect()
}

#[tokio::test(start_paused = true)]
async fn only_what_was_seen_unchanged_for_ten_durations_is_deleted() {
    let mut absurd = named("absurd", 5, "x");
    absurd["spec"]["leaseDurationSeconds"] = json!(0);
    let mut edited = named("edited", 5, "x");
    let items = Arc::new(Mutex::new(vec![
        named("dead", 5, "x"),
        named("vacant", 5, ""),
        named("alive", 5, "x"),
        named("recreated", 5, "x"),
        named("taken", 5, "x"),
        named("gone", 5, "x"),
        edited.clone(),
        absurd,
    ]));
    let (fake, driver) = driver(&items);
    let first = driver.sweep("shop").await.unwrap();
    assert_eq!((first.seen, first.deleted, first.waiting), (8, 0, 8));

    tokio::time::sleep(Duration::from_secs(149)).await;
    assert_eq!(driver.sweep("shop").await.unwrap().deleted, 0);

    {
        let mut items = items.lock().unwrap();
        items[2]["spec"]["renewTime"] = json!("2026-01-02T03:04:06.000000Z");
        items[3]["metadata"]["uid"] = json!("uid-2");
        edited["metadata"]["resourceVersion"] = json!("6");
        edited["metadata"]["annotations"] = json!({ "x": "y" });
        items[6] = edited;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let swept = driver.sweep("shop").await.unwrap();
    assert_eq!((swept.seen, swept.deleted, swept.waiting), (8, 3, 5));
    assert_eq!(
        deleted(&fake),
        ["DELETE dead", "DELETE vacant", "DELETE taken", "DELETE gone", "DELETE edited"]
    );
    let last = fake.asked().pop().unwrap();
    assert_eq!(last.body["preconditions"], json!({ "uid": "uid-1", "resourceVersion": "6" }));
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_read() {
    let (fake, client) = Fake::new(|asked| {
        let mut reply =
            json!({ "metadata": { "resourceVersion": "9" }, "items": [named("a", 5, "x")] });
        if !asked.query.contains("continue") {
            reply["metadata"]["continue"] = json!("more/=");
        }
        Reply::Json(200, reply)
    });
    let swept = KubeDriver::new(client).sweep("shop").await.unwrap();
    assert_eq!((swept.seen, fake.asked().len()), (2, 2));
}
