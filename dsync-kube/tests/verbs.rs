//! Each verb with each answer: the requests that are sent, and their outcome.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod fake;

use dsync::ErrorKind;
use dsync::driver::{Acquired, Driver, Holder, KeyKind, Lease, Released, Renewed, Version};
use dsync_kube::KubeDriver;
use http::Method;
use serde_json::json;

use fake::{Fake, Reply, claim, key, me, object, ok, status, stored};

fn driver(replies: Vec<Reply>) -> (Fake, KubeDriver) {
    let (fake, client) = Fake::script(replies);
    (fake, KubeDriver::new(client))
}

fn version(revision: u64) -> Version {
    Version::new(format!("uid-1/{revision}"))
}

/// Returns the lease that the core has after it has won at `revision`.
fn lease(revision: u64, holder: &Holder) -> Lease {
    let mut lease =
        Lease::vacant(version(revision), dsync::driver::Pulse::new("x"), dsync::FencingToken::ZERO);
    lease.holder = Some(holder.clone());
    lease.duration = Some(claim().duration);
    lease
}

fn held_by_me(revision: u64) -> serde_json::Value {
    object(revision, me().as_str())
}

/// A server that creates, and then stores what is put at the next revision.
fn storing() -> (Fake, KubeDriver) {
    let mut revision = 9;
    let (fake, client) = Fake::new(move |asked| {
        revision += 1;
        match asked.method {
            Method::DELETE => ok(json!({ "kind": "Status", "status": "Success" })),
            _ => ok(stored(asked, revision)),
        }
    });
    (fake, KubeDriver::new(client))
}

#[tokio::test]
async fn read_returns_the_record_or_none() {
    let (_, driver) = driver(vec![
        ok(object(10, "x")),
        ok(object(11, "")),
        status(404, "NotFound"),
        Reply::Text(404, "404 page not found"),
    ]);
    let held = driver.read(&key(KeyKind::Lock)).await.unwrap().unwrap();
    assert_eq!(held.holder.unwrap().as_str(), "x");
    assert_eq!((held.version, held.fencing_token.get()), (version(10), 10));
    assert!(driver.read(&key(KeyKind::Lock)).await.unwrap().unwrap().holder.is_none());
    assert!(driver.read(&key(KeyKind::Lock)).await.unwrap().is_none());
    // This is the answer of a proxy, and no proof that there is no record.
    let error = driver.read(&key(KeyKind::Lock)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn acquire_renew_release_of_a_lock_is_one_write_each() {
    let (fake, driver) = storing();
    let key = key(KeyKind::Lock);
    let Acquired::Won(lease) = driver.acquire(&key, &claim()).await.unwrap() else { panic!() };
    assert_eq!(lease.fencing_token.get(), 10);
    assert_eq!(lease.duration, Some(std::time::Duration::from_secs(15)));
    let Renewed::Kept(lease) = driver.renew(&key, &lease).await.unwrap() else { panic!() };
    let Renewed::Kept(lease) = driver.renew(&key, &lease).await.unwrap() else { panic!() };
    assert_eq!(driver.release(&key, &lease).await.unwrap(), Released::Freed);
    assert_eq!(fake.briefs(), ["POST", "PUT a", "PUT a", "DELETE a"]);

    let asked = fake.asked();
    let created = &asked[0].body;
    assert_eq!(
        created["metadata"]["labels"],
        json!({ "app.kubernetes.io/managed-by": "dsync", "dsync-kind": "lock" })
    );
    assert!(created["metadata"].get("ownerReferences").is_none());
    assert_eq!(created["spec"]["holderIdentity"], me().as_str());
    assert_eq!(created["spec"]["leaseDurationSeconds"], 15);
    assert_eq!(created["spec"]["leaseTransitions"], 0);
    // Two renewals within a second differ in whole seconds.
    let second = |at: usize| asked[at].body["spec"]["renewTime"].as_str().unwrap()[..19].to_owned();
    assert!(second(0) < second(1) && second(1) < second(2), "{asked:?}");
    for put in &asked[1..3] {
        assert_eq!(put.body["metadata"]["uid"], "uid-1");
        assert!(put.body["metadata"]["resourceVersion"].is_string());
        assert!(put.body["spec"].get("strategy").is_none());
    }
    assert_eq!(asked[3].body["preconditions"], json!({ "uid": "uid-1", "resourceVersion": "12" }));
}

#[tokio::test]
async fn a_released_election_is_kept_and_taken_again_by_one_write() {
    let (fake, driver) = storing();
    let key = key(KeyKind::Election);
    let Acquired::Won(lease) = driver.acquire(&key, &claim()).await.unwrap() else { panic!() };
    assert_eq!(driver.release(&key, &lease).await.unwrap(), Released::Freed);
    let Acquired::Won(again) = driver.acquire(&key, &claim()).await.unwrap() else { panic!() };
    assert!(again.fencing_token > lease.fencing_token);
    assert_eq!(fake.briefs(), ["POST", "PUT a", "PUT a"]);
    let asked = fake.asked();
    assert_eq!(asked[1].body["spec"]["holderIdentity"], "");
    assert_eq!(asked[1].body["spec"]["leaseDurationSeconds"], 1);
    assert_eq!(asked[2].body["spec"]["leaseTransitions"], 1);
}

#[tokio::test]
async fn acquire_of_an_existing_record_reads_it() {
    let exists = || status(409, "AlreadyExists");
    let key = key(KeyKind::Election);

    let (fake, held) =
        driver(vec![exists(), ok(object(10, "rival")), exists(), ok(object(10, "rival"))]);
    for _ in 0..2 {
        // A record that is cached as held is read again each time: it may be free by now.
        let Acquired::Held(Some(lease)) = held.acquire(&key, &claim()).await.unwrap() else {
            panic!()
        };
        assert_eq!(lease.holder.unwrap().as_str(), "rival");
    }
    assert_eq!(fake.briefs(), ["POST", "GET a", "POST", "GET a"]);

    let (fake, free) = driver(vec![exists(), ok(object(10, "")), ok(held_by_me(11))]);
    assert!(matches!(free.acquire(&key, &claim()).await.unwrap(), Acquired::Won(_)));
    let put = &fake.asked()[2].body;
    assert_eq!(put["metadata"]["uid"], "uid-1");
    assert_eq!(put["metadata"]["resourceVersion"], "10");
    assert_eq!(
        put["metadata"]["labels"],
        json!({ "team": "a" }),
        "another's labels stay as they are"
    );
    assert_eq!(put["spec"]["future"], json!({ "kept": true }));
    assert_eq!(put["spec"]["leaseTransitions"], 5);

    let (_, gone) = driver(vec![exists(), status(404, "NotFound")]);
    assert_eq!(gone.acquire(&key, &claim()).await.unwrap(), Acquired::Held(None));
}

#[tokio::test]
async fn after_a_refused_write_the_record_is_read_again() {
    let key = key(KeyKind::Election);
    let (fake, driver) = driver(vec![
        ok(object(10, "")),
        status(409, "Conflict"),
        status(409, "AlreadyExists"),
        ok(object(12, "")),
        ok(held_by_me(13)),
    ]);
    driver.read(&key).await.unwrap();
    assert_eq!(driver.acquire(&key, &claim()).await.unwrap(), Acquired::Held(None));
    assert!(matches!(driver.acquire(&key, &claim()).await.unwrap(), Acquired::Won(_)));
    assert_eq!(fake.briefs(), ["GET a", "PUT a", "POST", "GET a", "PUT a"]);
}

#[tokio::test]
async fn take_over_is_of_the_version_that_was_seen() {
    let key = key(KeyKind::Lock);
    let claim = claim().with_take_over(Some(version(10)));

    let (fake, cached) = driver(vec![ok(object(10, "dead")), ok(held_by_me(11))]);
    cached.read(&key).await.unwrap();
    assert!(matches!(cached.acquire(&key, &claim).await.unwrap(), Acquired::Won(_)));
    assert_eq!(fake.briefs(), ["GET a", "PUT a"]);

    let (_, unknown) = driver(vec![ok(object(10, "dead")), ok(held_by_me(11))]);
    assert!(matches!(unknown.acquire(&key, &claim).await.unwrap(), Acquired::Won(_)));

    let (fake, alive) = driver(vec![ok(object(12, "rival"))]);
    assert!(matches!(alive.acquire(&key, &claim).await.unwrap(), Acquired::Held(Some(_))));
    assert_eq!(fake.briefs(), ["GET a"], "nothing is written over a rival who has renewed");

    // Free, but at another version: the attempt must succeed at its own version only.
    let (fake, released) = driver(vec![ok(object(12, ""))]);
    let Acquired::Held(Some(free)) = released.acquire(&key, &claim).await.unwrap() else {
        panic!("the record is returned, so that the next attempt can take it");
    };
    assert!(free.holder.is_none());
    assert_eq!(fake.briefs(), ["GET a"]);

    let (fake, deleted) = driver(vec![status(404, "NotFound")]);
    assert_eq!(deleted.acquire(&key, &claim).await.unwrap(), Acquired::Held(None));
    assert_eq!(fake.briefs(), ["GET a"]);

    let (_, raced) = driver(vec![ok(object(10, "dead")), status(409, "Conflict")]);
    assert_eq!(raced.acquire(&key, &claim).await.unwrap(), Acquired::Held(None));
}

#[tokio::test]
async fn a_lease_with_a_strategy_is_refused_by_name() {
    let mut owned = object(10, "");
    owned["spec"]["strategy"] = json!("OldestEmulationVersion");
    let (fake, driver) = driver(vec![status(409, "AlreadyExists"), ok(owned)]);
    let error = driver.acquire(&key(KeyKind::Election), &claim()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_ambiguous()), (ErrorKind::Unsupported, false));
    assert!(error.to_string().contains("lease \"shop/a\" has `spec.strategy`"), "{error}");
    assert_eq!(fake.briefs(), ["POST", "GET a"]);
}

#[tokio::test]
async fn an_answer_without_a_token_is_ambiguous_because_it_was_written() {
    let mut odd = held_by_me(10);
    odd["metadata"]["resourceVersion"] = json!("opaque");
    let (_, driver) =
        driver(vec![Reply::Json(201, odd), Reply::Text(201, "<html>"), ok(object(11, "webhook"))]);
    for kind in [ErrorKind::Unsupported, ErrorKind::Unavailable, ErrorKind::Unsupported] {
        let error = driver.acquire(&key(KeyKind::Lock), &claim()).await.unwrap_err();
        assert_eq!((error.kind(), error.is_ambiguous()), (kind, true), "{error}");
    }
}

#[tokio::test]
async fn renew_distinguishes_lost_from_changed() {
    let key = key(KeyKind::Lock);
    let held = lease(10, &me());
    let renew = async |replies| {
        let (fake, driver) = driver(replies);
        (driver.renew(&key, &held).await.unwrap(), fake.briefs())
    };
    let get = ok;
    assert!(matches!(
        renew(vec![get(held_by_me(10)), ok(held_by_me(11))]).await.0,
        Renewed::Kept(_)
    ));
    assert_eq!(renew(vec![get(held_by_me(12))]).await.0, Renewed::Conflict);
    assert!(matches!(renew(vec![get(object(12, "rival"))]).await.0, Renewed::Lost(Some(_))));
    assert!(matches!(renew(vec![get(object(12, ""))]).await.0, Renewed::Lost(Some(_))));
    assert_eq!(renew(vec![status(404, "NotFound")]).await.0, Renewed::Lost(None));
    let (conflict, briefs) = renew(vec![get(held_by_me(10)), status(409, "Conflict")]).await;
    assert_eq!((conflict, briefs.len()), (Renewed::Conflict, 2));
    let (gone, _) = renew(vec![get(held_by_me(10)), status(404, "NotFound")]).await;
    assert_eq!(gone, Renewed::Lost(None), "and nothing is created again");
}

#[tokio::test]
async fn renew_keeps_what_others_have_written() {
    let (fake, driver) = driver(vec![ok(held_by_me(10)), ok(held_by_me(11))]);
    driver.renew(&key(KeyKind::Lock), &lease(10, &me())).await.unwrap();
    let put = &fake.asked()[1].body;
    assert_eq!(put["spec"]["future"], json!({ "kept": true }));
    assert_eq!(put["spec"]["leaseTransitions"], 4);
    assert_eq!(put["metadata"], held_by_me(10)["metadata"]);
    assert_eq!(
        (&put["kind"], &put["apiVersion"]),
        (&json!("Lease"), &json!("coordination.k8s.io/v1"))
    );
}

#[tokio::test]
async fn release_never_touches_anothers_record() {
    for kind in [KeyKind::Lock, KeyKind::Election] {
        let key = key(kind);
        let held = lease(10, &me());
        let release = async |replies| {
            let (fake, driver) = driver(replies);
            (driver.release(&key, &held).await.unwrap(), fake.briefs())
        };
        let get = ok;
        assert_eq!(release(vec![get(held_by_me(10)), ok(object(11, ""))]).await.0, Released::Freed);
        assert_eq!(release(vec![get(held_by_me(12))]).await.0, Released::Conflict);
        let (not_mine, briefs) = release(vec![get(object(10, "rival"))]).await;
        assert_eq!((not_mine, briefs.len()), (Released::NotHeld, 1));
        assert_eq!(release(vec![status(404, "NotFound")]).await.0, Released::NotHeld);
        assert_eq!(
            release(vec![get(held_by_me(10)), status(409, "Conflict")]).await.0,
            Released::Conflict
        );
        assert_eq!(
            release(vec![get(held_by_me(10)), status(404, "NotFound")]).await.0,
            Released::NotHeld
        );
    }
}

#[tokio::test]
async fn a_lock_that_would_outlive_its_deletion_is_cleared_instead() {
    let mut stuck = held_by_me(10);
    stuck["metadata"]["finalizers"] = json!(["example.com/wait"]);
    let (fake, driver) = driver(vec![ok(stuck), ok(object(11, ""))]);
    let released = driver.release(&key(KeyKind::Lock), &lease(10, &me())).await.unwrap();
    assert_eq!(released, Released::Freed);
    assert_eq!(fake.briefs(), ["GET a", "PUT a"]);
}

#[tokio::test]
async fn errors_keep_their_class_through_the_verbs() {
    let key = key(KeyKind::Lock);
    let (_, driver) = driver(vec![
        status(403, "Forbidden"),
        status(500, "InternalError"),
        Reply::Text(429, "Too many requests"),
        ok(held_by_me(10)),
        Reply::Text(502, "Bad Gateway"),
    ]);
    let mut errors = Vec::new();
    for _ in 0..3 {
        let error = driver.acquire(&key, &claim()).await.unwrap_err();
        errors.push((error.kind(), error.is_ambiguous()));
    }
    let error = driver.renew(&key, &lease(10, &me())).await.unwrap_err();
    errors.push((error.kind(), error.is_ambiguous()));
    let expected = [
        (ErrorKind::Denied, false),
        (ErrorKind::Unavailable, true),
        (ErrorKind::Throttled, true),
        (ErrorKind::Unavailable, true),
    ];
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn a_restored_backup_is_believed() {
    let key = key(KeyKind::Election);
    let (fake, driver) = driver(vec![ok(object(100, "x")), ok(object(50, "")), ok(held_by_me(51))]);
    driver.read(&key).await.unwrap();
    driver.read(&key).await.unwrap();
    assert!(matches!(driver.acquire(&key, &claim()).await.unwrap(), Acquired::Won(_)));
    assert_eq!(fake.asked()[2].body["metadata"]["resourceVersion"], "50");
}
