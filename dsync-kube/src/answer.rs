//! What came back for a request: JSON, or the reason why not.

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
    /// The request could not be written down.
    Malformed(http::Error),
    /// There is no answer, or only the beginning of one.
    Transport(kube::Error),
    /// The answer is a refusal.
    Refused(Refusal),
    /// The answer is no JSON, although it says success.
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
    /// The body is a Kubernetes `Status`, so it comes from an API server and from no proxy.
    pub(crate) is_status: bool,
    pub(crate) reason: String,
    /// What was not found: `leases` or `namespaces`.
    pub(crate) kind: String,
    pub(crate) causes: Vec<String>,
}

impl Refusal {
    pub(crate) async fn read(code: StatusCode, headers: &HeaderMap, body: Body) -> Self {
        let header = headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        // Without its body it is still a refusal, of which less is known.
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

    /// From a `Status` object, as the body of an answer or in an event of a watch.
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

    /// The Lease does not exist, on the word of an API server. A 404 of anything else says
    /// nothing of the record, and neither does one of the namespace.
    pub(crate) fn is_no_such_lease(&self) -> bool {
        self.code == 404 && self.reason == "NotFound" && self.kind != "namespaces"
    }

    pub(crate) fn is_already_there(&self) -> bool {
        self.code == 409 && self.reason == "AlreadyExists"
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.code == 409 && self.is_status
    }

    /// The watch cannot go on from where it was.
    pub(crate) fn is_gone(&self) -> bool {
        self.code == 410 || matches!(&*self.reason, "Expired" | "Gone")
    }
}
