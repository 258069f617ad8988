//! A Lease object as raw JSON, of which only our own fields are read and written.
//!
//! Whatever else is in it (labels, annotations, owner references, finalizers, fields of newer
//! servers) is written back as it was read.

use std::time::{Duration, SystemTime};

use dsync::FencingToken;
use dsync::driver::{Claim, Holder, Key, KeyKind, Lease, Pulse, Version};
use dsync::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// On every Lease that this driver creates; the sweep deletes no other.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "dsync");
/// Says what a Lease is for: `election` or `lock`.
pub(crate) const KIND: &str = "dsync-kind";
const API_VERSION: &str = "coordination.k8s.io/v1";
/// A longer duration is a mistake, ours or theirs.
const LONGEST: u64 = 365 * 24 * 60 * 60;

/// A Lease object of the API server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    raw: Value,
    uid: String,
    /// `metadata.resourceVersion`, which is the fencing token.
    revision: u64,
}

/// What is no Lease that this driver can use.
#[derive(Debug)]
pub(crate) struct BadRecord(String);

impl BadRecord {
    /// The error for an object that was only read.
    pub(crate) fn read(self) -> Error {
        Error::definite(ErrorKind::Unsupported, self.0)
    }

    /// The error for the answer to a write, which has been applied by then.
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
            return Err(BadRecord(format!("lease {name}: there is no `metadata.uid`")));
        };
        let revision = &raw["metadata"]["resourceVersion"];
        let Some(revision) = revision.as_str().and_then(revision_of) else {
            return Err(BadRecord(format!(
                "lease {name}: resourceVersion {revision} is no unsigned integer, so it cannot \
                 be a fencing token"
            )));
        };
        Ok(Self { uid: uid.to_owned(), revision, raw })
    }

    /// The object to create for `claim`.
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

    /// This object, acquired by `claim`.
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

    /// This object, renewed for `duration`.
    pub(crate) fn renewed(&self, duration: Option<Duration>, now: Timestamp) -> Result<Value> {
        let mut fields = vec![("renewTime", json!(micros(self.renew_time(now))))];
        if let Some(duration) = duration {
            fields.push(("leaseDurationSeconds", json!(seconds(duration)?)));
        }
        Ok(self.with(&fields))
    }

    /// This object without a holder, in the way of client-go.
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
        // The items of a list come without these two.
        raw["apiVersion"] = json!(API_VERSION);
        raw["kind"] = json!("Lease");
        for (field, value) in fields {
            raw["spec"][*field] = value.clone();
        }
        raw
    }

    /// Later than the last one even for a client that compares whole seconds (client-go), so
    /// that each write is a change to everybody. A time far ahead is somebody's broken clock:
    /// to follow it would leave us with no times at all.
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

    /// Changes with every write, also across deletion and re-creation.
    pub(crate) fn version(&self) -> Version {
        Version::new(format!("{}/{}", self.uid, self.revision))
    }

    /// The text of what an acquisition or a renewal changes. Labels and annotations are not in
    /// it: editing them must not keep a dead holder alive.
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

    /// The duration of the record, if it has one that can be meant.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let seconds = self.raw["spec"]["leaseDurationSeconds"].as_u64()?;
        (1..=LONGEST).contains(&seconds).then(|| Duration::from_secs(seconds))
    }

    /// The text of a duration that nobody can mean.
    pub(crate) fn absurd_duration(&self) -> Option<String> {
        let written = &self.raw["spec"]["leaseDurationSeconds"];
        (!written.is_null() && self.duration().is_none()).then(|| written.to_string())
    }

    /// Set on Leases that belong to the API server's own election controller.
    pub(crate) fn strategy(&self) -> Option<&str> {
        self.raw["spec"]["strategy"].as_str().filter(|strategy| !strategy.is_empty())
    }

    /// Deleting such an object does not remove it: something else has to let it go first.
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

/// Splits what [`Record::version`] made.
pub(crate) fn split(version: &Version) -> Option<(&str, u64)> {
    let (uid, revision) = version.as_str().split_once('/')?;
    Some((uid, revision_of(revision)?))
}

/// A resourceVersion as a number: digits only, so that it is written back as it was read.
fn revision_of(text: &str) -> Option<u64> {
    let canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// Whole seconds, rounded up: a lease never ends early.
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
mod tests;
