//! Classifies errors of the server and of the connection.

use std::error::Error as _;
use std::io;

use dsync::{Error, ErrorKind};
use etcd_client::Error as ClientError;
use tonic::{Code, Status};

/// Messages that prove that the server has not carried out the request, with their kind and what to
/// do. The texts come from etcd's `rpctypes` and have not changed since 3.0.
const REFUSALS: &[(&str, ErrorKind, &str)] = &[
    (
        "etcdserver: permission denied",
        ErrorKind::Denied,
        "see the rights in the README of dsync-etcd",
    ),
    (
        "etcdserver: user name is empty",
        ErrorKind::Unauthenticated,
        "the server requires a user: set it in the URL or with EtcdOptions::with_user",
    ),
    (
        "etcdserver: authentication failed",
        ErrorKind::Unauthenticated,
        "the user or password is wrong",
    ),
    (
        "etcdserver: invalid auth token",
        ErrorKind::Unauthenticated,
        "the token is renewed with the next request",
    ),
    (
        "etcdserver: authentication is not enabled",
        ErrorKind::Invalid,
        "the server has no users: leave user and password out",
    ),
    (
        "etcdserver: revision of auth store is old",
        ErrorKind::Unauthenticated,
        "users or roles have changed",
    ),
    (
        "etcdserver: mvcc: database space exceeded",
        ErrorKind::Unavailable,
        "compact and defragment the store or raise its quota, then `etcdctl alarm disarm`",
    ),
    ("etcdserver: too many requests", ErrorKind::Throttled, "the server has too much load"),
    ("etcdserver: no leader", ErrorKind::Unavailable, "the member is cut off from the majority"),
    ("etcdserver: not capable", ErrorKind::Unavailable, "the server is starting"),
    (
        "etcdserver: requested lease not found",
        ErrorKind::Unavailable,
        "the store lease ran out before it was used",
    ),
    ("etcdserver: too large lease TTL", ErrorKind::Invalid, "shorten the lease duration"),
    ("etcdserver: request is too large", ErrorKind::Invalid, "shorten the name"),
    (
        "etcdserver: rpc not supported for learner",
        ErrorKind::Unavailable,
        "the member is a learner: use a voting member",
    ),
];

/// When the error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the request was sent.
    Connecting,
    /// After the request may have been sent.
    Sent,
}

pub(crate) fn classify(stage: Stage, endpoint: &str, error: ClientError) -> Error {
    let made = match &error {
        ClientError::GRpcStatus(status) => of_status(stage, endpoint, status),
        ClientError::InvalidArgs(_)
        | ClientError::InvalidUri(_)
        | ClientError::InvalidMetadataValue(_)
        | ClientError::EndpointError(_) => {
            Error::definite(ErrorKind::Invalid, format!("{endpoint} cannot be used: {error}"))
        }
        // Raised before anything is sent: a wrong address, certificate or key.
        ClientError::TransportError(cause) => {
            let message = format!("{endpoint} cannot be used: {}", chain(cause));
            Error::definite(ErrorKind::Invalid, message)
        }
        _ => Error::ambiguous(ErrorKind::Internal, format!("{endpoint}: {error}")),
    };
    made.with_source(error)
}

fn of_status(stage: Stage, endpoint: &str, status: &Status) -> Error {
    let text = status.message();
    if let Some((_, kind, advice)) = REFUSALS.iter().find(|(known, ..)| text.starts_with(known)) {
        return Error::definite(*kind, format!("{endpoint} returned {text:?}: {advice}"));
    }
    if stage == Stage::Connecting || was_never_connected(status) {
        return no_connection(endpoint, &causes(status));
    }
    // These codes prove that nothing was written, but only in an answer of etcd itself: a proxy can
    // return them after it has forwarded the request.
    let is_refused = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::NotFound
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::ResourceExhausted
    ) && text.starts_with("etcdserver: ");
    let kind = match status.code() {
        Code::PermissionDenied => ErrorKind::Denied,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::ResourceExhausted => ErrorKind::Throttled,
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => ErrorKind::Invalid,
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::Internal | Code::DataLoss => ErrorKind::Internal,
        _ => ErrorKind::Unavailable,
    };
    let message = format!("{endpoint}: {}: {}", status.code().description(), causes(status));
    if is_refused { Error::definite(kind, message) } else { Error::ambiguous(kind, message) }
}

/// Returns the error for a request that was not sent, because there was no connection.
pub(crate) fn no_connection(endpoint: &str, why: &str) -> Error {
    let message = format!(
        "no connection to {endpoint}: {why}; check that it is running, and whether it uses TLS \
         (https) or not (http)"
    );
    Error::definite(ErrorKind::Unavailable, message)
}

/// Returns whether the connection was refused, so that the request was not sent.
fn was_never_connected(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        let refused = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if refused == Some(io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Returns the message of the server, or the causes of a transport error.
fn causes(status: &Status) -> String {
    match status.source() {
        Some(source) => chain(source),
        None => status.message().to_owned(),
    }
}

/// Returns an error and all of its sources in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.ends_with(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "http://10.0.0.1:2379";

    #[test]
    fn each_answer_has_its_kind_and_proof() {
        use ErrorKind::{Denied, Internal, Invalid, Throttled, Unauthenticated, Unavailable};
        // (code, what the server says, kind, ambiguous, what the message says)
        let table = [
            (Code::PermissionDenied, "etcdserver: permission denied", Denied, false, "rights"),
            (
                Code::InvalidArgument,
                "etcdserver: user name is empty",
                Unauthenticated,
                false,
                "user",
            ),
            (
                Code::InvalidArgument,
                "etcdserver: authentication failed, invalid user ID or password",
                Unauthenticated,
                false,
                "wrong",
            ),
            (
                Code::Unauthenticated,
                "etcdserver: invalid auth token",
                Unauthenticated,
                false,
                "renewed",
            ),
            (
                Code::FailedPrecondition,
                "etcdserver: authentication is not enabled",
                Invalid,
                false,
                "leave user",
            ),
            (
                Code::ResourceExhausted,
                "etcdserver: mvcc: database space exceeded",
                Unavailable,
                false,
                "alarm disarm",
            ),
            (
                Code::ResourceExhausted,
                "etcdserver: too many requests",
                Throttled,
                false,
                "too much",
            ),
            (Code::Unavailable, "etcdserver: no leader", Unavailable, false, "cut off"),
            (
                Code::NotFound,
                "etcdserver: requested lease not found",
                Unavailable,
                false,
                "ran out",
            ),
            (Code::OutOfRange, "etcdserver: too large lease TTL", Invalid, false, "shorten"),
            (
                Code::FailedPrecondition,
                "etcdserver: something new",
                Invalid,
                false,
                "something new",
            ),
            // The request was proposed and may still be applied.
            (Code::Unavailable, "etcdserver: leader changed", Unavailable, true, "leader changed"),
            (Code::Unavailable, "etcdserver: request timed out", Unavailable, true, "timed out"),
            (
                Code::Unavailable,
                "etcdserver: request timed out, possibly due to previous leader failure",
                Unavailable,
                true,
                "previous leader",
            ),
            (Code::Unavailable, "etcdserver: server stopped", Unavailable, true, "stopped"),
            // Not a text of etcd: a proxy may have forwarded the request.
            (Code::Unavailable, "upstream connect error", Unavailable, true, "upstream"),
            (Code::PermissionDenied, "RBAC: access denied", Denied, true, "RBAC"),
            (Code::Unknown, "transport error", Unavailable, true, "transport error"),
            (Code::Cancelled, "", Unavailable, true, ENDPOINT),
            (Code::Internal, "h2 protocol error", Internal, true, "h2"),
        ];
        for (code, says, kind, ambiguous, contains) in table {
            let found =
                classify(Stage::Sent, ENDPOINT, ClientError::GRpcStatus(Status::new(code, says)));
            let text = found.to_string();
            assert_eq!((found.kind(), found.is_ambiguous()), (kind, ambiguous), "{says}: {text}");
            assert!(text.contains(contains) && text.contains(ENDPOINT), "{says}: {text}");
        }
    }

    #[test]
    fn a_connection_that_was_never_made_has_sent_nothing() {
        let error = ClientError::GRpcStatus(Status::unavailable("tls handshake eof"));
        let found = classify(Stage::Connecting, ENDPOINT, error);
        assert_eq!(found.kind(), ErrorKind::Unavailable);
        assert!(!found.is_ambiguous() && found.to_string().contains("TLS"), "{found}");
    }
}
