//! What an error of a server, or of the way to it, means.

use std::error::Error as _;
use std::io;

use dsync::{Error, ErrorKind};
use etcd_client::Error as ClientError;
use tonic::{Code, Status};

/// What the server says of a request that it has not carried out, what kind of trouble that is, and
/// what to do. The texts are those of etcd's `rpctypes`, which have stood since 3.0.
const REFUSALS: &[(&str, ErrorKind, &str)] = &[
    (
        "etcdserver: permission denied",
        ErrorKind::Denied,
        "see the rights in the README of dsync-etcd",
    ),
    (
        "etcdserver: user name is empty",
        ErrorKind::Unauthenticated,
        "the server wants a user: give it in the URL or with_user",
    ),
    ("etcdserver: authentication failed", ErrorKind::Unauthenticated, "user or password are wrong"),
    (
        "etcdserver: invalid auth token",
        ErrorKind::Unauthenticated,
        "it is renewed with the next request",
    ),
    (
        "etcdserver: authentication is not enabled",
        ErrorKind::Invalid,
        "the server knows no users: leave user and password out",
    ),
    (
        "etcdserver: revision of auth store is old",
        ErrorKind::Unauthenticated,
        "somebody has changed users or roles",
    ),
    (
        "etcdserver: mvcc: database space exceeded",
        ErrorKind::Unavailable,
        "compact and defragment the store or raise its quota, then `etcdctl alarm disarm`",
    ),
    ("etcdserver: too many requests", ErrorKind::Throttled, "the server has too much to do"),
    ("etcdserver: no leader", ErrorKind::Unavailable, "the member is cut off from the others"),
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
        "the member is a learner: name one that votes",
    ),
];

/// When it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing of the request was sent.
    Connecting,
    /// It may have been sent.
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
        // It is made before anything is sent: a wrong address, certificate or key.
        ClientError::TransportError(cause) => {
            let message = format!("{endpoint} cannot be used: {}", chain(cause));
            Error::definite(ErrorKind::Invalid, message)
        }
        _ => Error::ambiguous(ErrorKind::Internal, format!("{endpoint}: {error}")),
    };
    made.with_source(error)
}

fn of_status(stage: Stage, endpoint: &str, status: &Status) -> Error {
    let said = status.message();
    if let Some((_, kind, advice)) = REFUSALS.iter().find(|(text, ..)| said.starts_with(text)) {
        return Error::definite(*kind, format!("{endpoint} answers {said:?}: {advice}"));
    }
    if stage == Stage::Connecting || was_never_connected(status) {
        return no_connection(endpoint, &causes(status));
    }
    // Of these codes, only what etcd itself says proves that nothing was done.
    let is_refused = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::NotFound
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::ResourceExhausted
    ) && said.starts_with("etcdserver: ");
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

/// Nothing was sent, since there was nothing to send it on.
pub(crate) fn no_connection(endpoint: &str, why: &str) -> Error {
    let message = format!(
        "no connection to {endpoint}: {why}; is it there, and does it speak TLS (https) or not \
         (http)?"
    );
    Error::definite(ErrorKind::Unavailable, message)
}

/// Whether there was no connection to send the request on.
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

/// What the server says, or what went wrong on the way to it.
fn causes(status: &Status) -> String {
    match status.source() {
        Some(source) => chain(source),
        None => status.message().to_owned(),
    }
}

/// An error and all its causes.
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
mod tests;
