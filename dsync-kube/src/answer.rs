//! The answer to a request: JSON, or the reason for its failure.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use kube::client::Body;
use serde_json::Value;

/// Why a request did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The credentials were refused and could not be read again, so nothing was sent.
    Credentials(dsync::Error),
    /// The request could not be built.
    Malformed(http::Error),
    /// No answer arrived, or only a part of one.
    Transport(kube::Error),
    /// The answer is a refusal.
    Refused(Refusal),
    /// The status says success, but the body is not JSON.
    Garbage(serde_json::Error),
}

impl Failure {
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// An answer other than success.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    /// The body is a Kubernetes `Status`: the answer comes from an API server, not from a proxy.
    pub(crate) is_status: bool,
    pub(crate) reason: String,
    /// The kind of the object that was not found: `leases` or `namespaces`.
    pub(crate) kind: String,
    pub(crate) causes: Vec<String>,
}

impl Refusal {
    pub(crate) async fn read(code: StatusCode, headers: &HeaderMap, body: Body) -> Self {
        let header = headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        // If the body cannot be read, the answer is still a refusal.
        let body = body.collect_bytes().await.unwrap_or_default();
        let mut refusal = match serde_json::from_slice::<Value>(&body) {
            Ok(status) if status["kind"] == "Status" => Self::from_status(&status),
            _ => Self {
                message: String::from_utf8_lossy(&body).trim().chars().take(200).collect(),
                ..Self::default()
            },
        };
        refusal.code = code.as_u16();
        refusal.retry_after = refusal.retry_after.or(header.map(Duration::from_secs));
        refusal
    }

    /// Reads a `Status` object: the body of an answer, or an event of a watch.
    pub(crate) fn from_status(status: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let details = &status["details"];
        let causes = details["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            code: status["code"].as_u64().and_then(|code| code.try_into().ok()).unwrap_or(0),
            message: text(&status["message"]),
            retry_after: details["retryAfterSeconds"].as_u64().map(Duration::from_secs),
            is_status: true,
            reason: text(&status["reason"]),
            kind: text(&details["kind"]),
            causes: causes.iter().map(|cause| text(&cause["reason"])).collect(),
        }
    }

    /// Returns whether an API server says that the Lease does not exist. A 404 of a proxy, or one for
    /// the namespace, says nothing about the Lease.
    pub(crate) fn is_no_such_lease(&self) -> bool {
        self.code == 404 && self.reason == "NotFound" && self.kind != "namespaces"
    }

    pub(crate) fn is_already_there(&self) -> bool {
        self.code == 409 && self.reason == "AlreadyExists"
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.code == 409 && self.is_status
    }

    /// Returns whether the server no longer has the events since the revision of the watch (410).
    pub(crate) fn is_gone(&self) -> bool {
        self.code == 410 || matches!(&*self.reason, "Expired" | "Gone")
    }
}
