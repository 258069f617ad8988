//! A Lease object as raw JSON.
//!
//! Only the fields that dsync uses are read and changed. Everything else (labels, annotations, owner
//! references, finalizers, fields of newer servers) is written back as it was read.

use std::time::{Duration, SystemTime};

use dsync::FencingToken;
use dsync::driver::{Claim, Holder, Key, KeyKind, Lease, Pulse, Version};
use dsync::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The label on every Lease that this driver creates. The sweep deletes no others.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "dsync");
/// The label for the purpose of a Lease: `election` or `lock`.
pub(crate) const KIND: &str = "dsync-kind";
const API_VERSION: &str = "coordination.k8s.io/v1";
/// In seconds. A longer duration is a mistake.
const LONGEST: u64 = 365 * 24 * 60 * 60;

/// A Lease object of the API server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    raw: Value,
    uid: String,
    /// `metadata.resourceVersion`, the fencing token.
    revision: u64,
}

/// Why an object is not a Lease that this driver can use.
#[derive(Debug)]
pub(crate) struct BadRecord(String);

impl BadRecord {
    /// Returns the error for an object that was read.
    pub(crate) fn read(self) -> Error {
        Error::definite(ErrorKind::Unsupported, self.0)
    }

    /// Returns the error for the answer to a write. The write was applied, so it is ambiguous.
    pub(crate) fn written(self) -> Error {
        Error::ambiguous(ErrorKind::Unsupported, format!("{}; the write was applied", self.0))
    }
}

impl Record {
    pub(crate) fn parse(raw: Value) -> Result<Self, BadRecord> {
        let name = raw["metadata"]["name"].as_str().unwrap_or("without a name");
        if !matches!(raw["spec"], Value::Null | Value::Object(_)) {
            return Err(BadRecord(format!("lease {name}: `spec` is not an object")));
        }
        let Some(uid) = raw["metadata"]["uid"].as_str().filter(|uid| !uid.is_empty()) else {
            return Err(BadRecord(format!("lease {name}: `metadata.uid` is missing")));
        };
        let revision = &raw["metadata"]["resourceVersion"];
        let Some(revision) = revision.as_str().and_then(revision_of) else {
            return Err(BadRecord(format!(
                "lease {name}: resourceVersion {revision} is not an unsigned integer, so it cannot \
                 be a fencing token"
            )));
        };
        Ok(Self { uid: uid.to_owned(), revision, raw })
    }

    /// Returns the object to create for `claim`.
    pub(crate) fn create(key: &Key, claim: &Claim, now: Timestamp) -> Result<Value> {
        let kind = match key.kind() {
            KeyKind::Election => "election",
            KeyKind::Lock => "lock",
        };
        Ok(json!({
            "apiVersion": API_VERSION,
            "kind": "Lease",
            "metadata": {
                "namespace": key.namespace(),
                "name": key.name(),
                "labels": { MANAGED_BY.0: MANAGED_BY.1, KIND: kind },
            },
            "spec": {
                "holderIdentity": claim.holder.as_str(),
                "leaseDurationSeconds": seconds(claim.duration)?,
                "acquireTime": micros(now),
                "renewTime": micros(now),
                "leaseTransitions": 0,
            },
        }))
    }

    /// Returns this object, acquired by `claim`.
    pub(crate) fn acquired(&self, claim: &Claim, now: Timestamp) -> Result<Value> {
        let transitions = self.raw["spec"]["leaseTransitions"].as_i64().unwrap_or(0);
        let transitions = transitions.saturating_add(1).clamp(1, i64::from(i32::MAX));
        let now = self.renew_time(now);
        Ok(self.with(&[
            ("holderIdentity", json!(claim.holder.as_str())),
            ("leaseDurationSeconds", json!(seconds(claim.duration)?)),
            ("acquireTime", json!(micros(now))),
            ("renewTime", json!(micros(now))),
            ("leaseTransitions", json!(transitions)),
        ]))
    }

    /// Returns this object, renewed for `duration`.
    pub(crate) fn renewed(&self, duration: Option<Duration>, now: Timestamp) -> Result<Value> {
        let mut fields = vec![("renewTime", json!(micros(self.renew_time(now))))];
        if let Some(duration) = duration {
            fields.push(("leaseDurationSeconds", json!(seconds(duration)?)));
        }
        Ok(self.with(&fields))
    }

    /// Returns this object without a holder, as client-go writes it.
    pub(crate) fn released(&self, now: Timestamp) -> Value {
        self.with(&[
            ("holderIdentity", json!("")),
            ("leaseDurationSeconds", json!(1)),
            ("acquireTime", json!(micros(now))),
            ("renewTime", json!(micros(self.renew_time(now)))),
        ])
    }

    fn with(&self, fields: &[(&str, Value)]) -> Value {
        let mut raw = self.raw.clone();
        // The items of a list lack these two.
        raw["apiVersion"] = json!(API_VERSION);
        raw["kind"] = json!("Lease");
        for (field, value) in fields {
            raw["spec"][*field] = value.clone();
        }
        raw
    }

    /// Returns a renew time that is later than the last one even in whole seconds: client-go
    /// compares seconds, and must see each write as a change.
    ///
    /// A last time that is more than a day ahead comes from a broken clock and is ignored.
    /// Following it would end at the latest time that can be written.
    fn renew_time(&self, now: Timestamp) -> Timestamp {
        let Some(last) = self.time("renewTime") else { return now };
        let next = Timestamp::from_second(last.as_second().saturating_add(1)).unwrap_or(now);
        let sane = now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now);
        if next > sane { now } else { now.max(next) }
    }

    fn time(&self, field: &str) -> Option<Timestamp> {
        self.raw["spec"][field].as_str()?.parse().ok()
    }

    pub(crate) fn name(&self) -> &str {
        self.raw["metadata"]["name"].as_str().unwrap_or_default()
    }

    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the uid and the resourceVersion. They change with every write, and also if the object
    /// is deleted and created again.
    pub(crate) fn version(&self) -> Version {
        Version::new(format!("{}/{}", self.uid, self.revision))
    }

    /// Returns the text of the fields that an acquisition or a renewal changes. Labels and
    /// annotations are left out: editing them must not keep a dead holder alive.
    pub(crate) fn pulse(&self) -> Pulse {
        let spec = &self.raw["spec"];
        let fields = [
            "holderIdentity",
            "acquireTime",
            "renewTime",
            "leaseDurationSeconds",
            "leaseTransitions",
        ];
        Pulse::new(fields.map(|field| spec[field].to_string()).join(" "))
    }

    pub(crate) fn holder(&self) -> Option<Holder> {
        let holder = self.raw["spec"]["holderIdentity"].as_str()?;
        (!holder.is_empty()).then(|| Holder::from_wire(holder))
    }

    pub(crate) fn is_held_by(&self, holder: &Holder) -> bool {
        self.raw["spec"]["holderIdentity"].as_str() == Some(holder.as_str())
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.holder().is_none()
    }

    /// Returns the duration of the record, if it has a usable one.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let seconds = self.raw["spec"]["leaseDurationSeconds"].as_u64()?;
        (1..=LONGEST).contains(&seconds).then(|| Duration::from_secs(seconds))
    }

    /// Returns the text of an unusable duration.
    pub(crate) fn unusable_duration(&self) -> Option<String> {
        let written = &self.raw["spec"]["leaseDurationSeconds"];
        (!written.is_null() && self.duration().is_none()).then(|| written.to_string())
    }

    /// Returns the strategy, which marks Leases of the API server's own election controller.
    pub(crate) fn strategy(&self) -> Option<&str> {
        self.raw["spec"]["strategy"].as_str().filter(|strategy| !strategy.is_empty())
    }

    /// Returns whether the object stays after it was deleted: it has finalizers, or is being deleted
    /// already.
    pub(crate) fn outlives_deletion(&self) -> bool {
        let metadata = &self.raw["metadata"];
        let finalizers = metadata["finalizers"].as_array();
        finalizers.is_some_and(|all| !all.is_empty()) || metadata["deletionTimestamp"].is_string()
    }

    pub(crate) fn lease(&self) -> Lease {
        let token = FencingToken::new(self.revision);
        let mut lease = Lease::vacant(self.version(), self.pulse(), token);
        if let Some(holder) = self.holder() {
            lease.holder = Some(holder);
            lease.duration = self.duration();
        }
        lease.renewed_at = self.time("renewTime").map(SystemTime::from);
        lease
    }
}

/// Splits a version that [`Record::version`] returned.
pub(crate) fn split(version: &Version) -> Option<(&str, u64)> {
    let (uid, revision) = version.as_str().split_once('/')?;
    Some((uid, revision_of(revision)?))
}

/// Parses a resourceVersion. Digits only, so that it is written back as it was read.
fn revision_of(text: &str) -> Option<u64> {
    let canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// Returns whole seconds, rounded up, so that a lease never ends early.
fn seconds(duration: Duration) -> Result<u64> {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    if (1..=LONGEST).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Error::definite(
        ErrorKind::Invalid,
        format!("a lease duration of {duration:?} is not between one second and one year"),
    ))
}

fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
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
    fn unusable_durations_are_none() {
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
        for (written, read, unusable) in cases {
            let record = record(&json!({ "holderIdentity": "x", "leaseDurationSeconds": written }));
            assert_eq!(record.lease().duration, read.map(Duration::from_secs), "{written}");
            assert_eq!(record.unusable_duration().is_some(), unusable, "{written}");
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
        for raw in
            [json!(null), json!([]), json!("x"), json!({ "metadata": 3 }), object(&json!("x"))]
        {
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
    fn only_the_fields_of_dsync_change() {
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
        let renewed =
            Record::parse(before.renewed(None, at("2026-01-02T03:04:05Z")).unwrap()).unwrap();
        assert_ne!(before.pulse(), renewed.pulse());
    }
}
