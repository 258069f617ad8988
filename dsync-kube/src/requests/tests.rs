use dsync::driver::KeyKind;

use super::*;

#[test]
fn names_that_are_no_names_never_reach_a_path() {
    for bad in ["", "a/b", "..", "a?b", "A", "a b", "a%2Fb", "-a", "a.", "ä"] {
        let key = Key::new(KeyKind::Lock, "default", bad);
        assert_eq!(Call::get(&key).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
        let key = Key::new(KeyKind::Lock, bad, "name");
        assert_eq!(Call::get(&key).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
        assert!(Call::list("default", Some(bad)).is_err(), "{bad}");
    }
}

#[test]
fn requests_are_what_the_api_server_expects() {
    let key = Key::new(KeyKind::Lock, "ns", "a.lock.b");
    let base = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";
    let uri = |call: Call| call.request().unwrap().uri().to_string();
    assert_eq!(uri(Call::get(&key).unwrap()), format!("{base}/a.lock.b"));
    assert_eq!(uri(Call::create(&key, &json!({})).unwrap()), base);
    assert_eq!(uri(Call::list("ns", None).unwrap()), base);
    assert_eq!(
        uri(Call::watch("ns", Some("x"), "12").unwrap()),
        format!(
            "{base}?watch=true&allowWatchBookmarks=true&resourceVersion=12&fieldSelector=metadata.name%3Dx"
        )
    );
    assert_eq!(
        uri(Call::list_locks("ns", Some("a=")).unwrap()),
        format!(
            "{base}?limit=500&labelSelector=app.kubernetes.io%2Fmanaged-by%3Ddsync,dsync-kind%3Dlock\
             &continue=%61%3d"
        )
    );
    let delete = Call::delete(&key, &Version::new("u-1/42")).unwrap().request().unwrap();
    let body: Value = serde_json::from_slice(delete.body()).unwrap();
    assert_eq!(body["preconditions"], json!({ "uid": "u-1", "resourceVersion": "42" }));
    assert!(Call::delete(&key, &Version::new("nonsense")).is_err());
}
