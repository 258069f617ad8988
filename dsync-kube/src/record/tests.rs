use dsync::driver::Nonce;

use super::*;

fn object(spec: &Value) -> Value {
    json!({ "metadata": { "name": "n", "uid": "u", "resourceVersion": "7" }, "spec": spec })
}

fn record(spec: &Value) -> Record {
    Record::parse(object(spec)).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn claim(duration: Duration) -> Claim {
    Claim::new(Holder::new("pod-a", Nonce::new(1)), duration)
}

#[test]
fn holders_are_read_as_other_clients_write_them() {
    let cases = [
        (json!({}), None),
        (json!(null), None),
        (json!({ "holderIdentity": null }), None),
        (json!({ "holderIdentity": "" }), None),
        (json!({ "holderIdentity": " " }), Some(" ")),
        (json!({ "holderIdentity": "pod-a_1" }), Some("pod-a_1")),
    ];
    for (spec, holder) in cases {
        let read = record(&spec).lease().holder;
        assert_eq!(read.as_ref().map(Holder::as_str), holder, "{spec}");
    }
}

#[test]
fn durations_that_cannot_be_meant_are_none() {
    let cases = [
        (json!(null), None, false),
        (json!(15), Some(15), false),
        (json!(1), Some(1), false),
        (json!(31_536_000), Some(31_536_000), false),
        (json!(31_536_001), None, true),
        (json!(0), None, true),
        (json!(-1), None, true),
        (json!(1.5), None, true),
        (json!("15"), None, true),
    ];
    for (written, read, absurd) in cases {
        let record = record(&json!({ "holderIdentity": "x", "leaseDurationSeconds": written }));
        assert_eq!(record.lease().duration, read.map(Duration::from_secs), "{written}");
        assert_eq!(record.absurd_duration().is_some(), absurd, "{written}");
    }
}

#[test]
fn a_token_is_an_integer_or_unsupported() {
    for bad in
        [json!("abc"), json!(""), json!("-1"), json!("+1"), json!("01"), json!(7), json!(null)]
    {
        let mut raw = object(&json!({}));
        raw["metadata"]["resourceVersion"] = bad.clone();
        let error = Record::parse(raw.clone()).unwrap_err().read();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(!error.is_ambiguous());
        assert!(error.to_string().contains(&bad.to_string()), "{error}");
        assert!(Record::parse(raw).unwrap_err().written().is_ambiguous());
    }
    assert_eq!(record(&json!({})).lease().fencing_token, FencingToken::new(7));
    assert_eq!(record(&json!({})).version().as_str(), "u/7");
    assert_eq!(split(&Version::new("u/7")), Some(("u", 7)));
}

#[test]
fn odd_objects_are_refused_and_nothing_panics() {
    for raw in [json!(null), json!([]), json!("x"), json!({ "metadata": 3 }), object(&json!("x"))] {
        assert!(Record::parse(raw.clone()).is_err(), "{raw}");
    }
}

/// client-go compares whole seconds, so a second renewal in one second has to be in the next.
#[test]
fn renew_time_changes_by_whole_seconds() {
    let now = "2026-01-02T03:04:05.9Z";
    let cases = [
        (json!(null), "2026-01-02T03:04:05.900000Z"),
        (json!("nonsense"), "2026-01-02T03:04:05.900000Z"),
        (json!("2026-01-02T03:04:01.000000Z"), "2026-01-02T03:04:05.900000Z"),
        (json!("2026-01-02T03:04:04.999999Z"), "2026-01-02T03:04:05.900000Z"),
        (json!("2026-01-02T03:04:05.000000Z"), "2026-01-02T03:04:06.000000Z"),
        (json!("2026-01-02T03:04:05.900000Z"), "2026-01-02T03:04:06.000000Z"),
        (json!("2026-01-02T04:00:00Z"), "2026-01-02T04:00:01.000000Z"),
        (json!("2099-01-01T00:00:00Z"), "2026-01-02T03:04:05.900000Z"),
    ];
    for (before, after) in cases {
        let record = record(&json!({ "holderIdentity": "x", "renewTime": before }));
        let renewed = record.renewed(Some(Duration::from_millis(1500)), at(now)).unwrap();
        assert_eq!(renewed["spec"]["renewTime"], after, "{before}");
        assert_eq!(renewed["spec"]["leaseDurationSeconds"], 2);
    }
}

#[test]
fn seconds_are_rounded_up_and_checked() {
    for (duration, seconds) in [(1, 1), (1000, 1), (1001, 2), (15_000, 15)] {
        assert_eq!(super::seconds(Duration::from_millis(duration)).unwrap(), seconds);
    }
    for bad in [Duration::ZERO, Duration::from_secs(LONGEST + 1), Duration::MAX] {
        assert_eq!(super::seconds(bad).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn only_our_fields_change() {
    let raw = json!({
        "metadata": {
            "name": "n", "uid": "u", "resourceVersion": "7",
            "labels": { "team": "a" }, "annotations": { "x": "y" },
            "ownerReferences": [{ "name": "o" }], "finalizers": ["f"],
        },
        "spec": { "holderIdentity": "old", "leaseTransitions": 3, "preferredHolder": "p", "new": [1] },
        "status": { "future": true },
    });
    let record = Record::parse(raw.clone()).unwrap();
    let now = at("2026-01-02T03:04:05Z");
    let writes = [
        record.acquired(&claim(Duration::from_secs(15)), now).unwrap(),
        record.renewed(None, now).unwrap(),
        record.released(now),
    ];
    for written in &writes {
        assert_eq!(written["metadata"], raw["metadata"]);
        assert_eq!(written["status"], raw["status"]);
        assert_eq!(written["spec"]["new"], raw["spec"]["new"]);
        assert_eq!(written["spec"]["preferredHolder"], "p");
        assert_eq!(written["kind"], "Lease");
        assert!(written["spec"].get("strategy").is_none());
    }
    assert_eq!(writes[0]["spec"]["leaseTransitions"], 4);
    assert_eq!(writes[1]["spec"]["leaseTransitions"], 3);
    assert_eq!(writes[2]["spec"]["holderIdentity"], "");
    assert_eq!(writes[2]["spec"]["leaseDurationSeconds"], 1);
}

#[test]
fn transitions_never_leave_the_range_of_the_server() {
    for (before, after) in [
        (json!(null), 1),
        (json!(0), 1),
        (json!(-9), 1),
        (json!(i32::MAX), i32::MAX),
        (json!(i64::MAX), i32::MAX),
    ] {
        let record = record(&json!({ "leaseTransitions": before }));
        let written =
            record.acquired(&claim(Duration::from_secs(1)), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(written["spec"]["leaseTransitions"], after, "{before}");
    }
}

#[test]
fn the_pulse_is_of_the_lease_and_not_of_its_labels() {
    let spec = json!({ "holderIdentity": "x", "renewTime": "2026-01-02T03:04:05Z" });
    let before = record(&spec);
    let mut raw = object(&spec);
    raw["metadata"]["annotations"] = json!({ "edited": "yes" });
    raw["metadata"]["resourceVersion"] = json!("8");
    let edited = Record::parse(raw).unwrap();
    assert_eq!(before.pulse(), edited.pulse());
    assert_ne!(before.version(), edited.version());
    let renewed = Record::parse(before.renewed(None, at("2026-01-02T03:04:05Z")).unwrap()).unwrap();
    assert_ne!(before.pulse(), renewed.pulse());
}
