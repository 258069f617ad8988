//! What an error of the server, or of the way to it, means.

use dsync::{Error, ErrorKind};
use redis::RedisError;

/// When it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing of the request was sent.
    Connecting,
    /// It may have been sent.
    Sent,
}

/// The error codes of a server that has not run the request, what kind of trouble each is, and what
/// to do. A code that is not here says nothing about what was done.
const CODES: &[(&str, ErrorKind, &str)] = &[
    ("NOAUTH", ErrorKind::Unauthenticated, "the server wants a password: give it in the URL"),
    ("WRONGPASS", ErrorKind::Unauthenticated, "user or password in the URL are wrong"),
    ("NOPERM", ErrorKind::Denied, "see the rights in the README of dsync-redis"),
    ("READONLY", ErrorKind::Unavailable, "this is a replica: connect to the master"),
    ("MASTERDOWN", ErrorKind::Unavailable, "this is a replica without its master"),
    ("LOADING", ErrorKind::Unavailable, "the server is loading its data"),
    ("BUSY", ErrorKind::Unavailable, "a script of somebody else's blocks the server"),
    ("NOREPLICAS", ErrorKind::Unavailable, "too few replicas follow the server"),
    ("MISCONF", ErrorKind::Unavailable, "the server cannot save its data, and refuses writes"),
    ("CLUSTERDOWN", ErrorKind::Unavailable, "the cluster does not serve this slot"),
    ("TRYAGAIN", ErrorKind::Unavailable, "the slot is being moved"),
    (
        "MOVED",
        ErrorKind::Unavailable,
        "it is a node of a cluster: write redis+cluster:// in the URL",
    ),
    ("ASK", ErrorKind::Unavailable, "the slot is being moved to another node"),
    ("OOM", ErrorKind::Throttled, "the server is out of memory: raise maxmemory"),
    ("WRONGTYPE", ErrorKind::Unsupported, "another program uses the name for something else"),
    ("DSYNCTOKEN", ErrorKind::Unsupported, "a fencing token was set by hand; delete the counter"),
    ("CROSSSLOT", ErrorKind::Unsupported, "a proxy in between does not know hash tags"),
];

/// Of a connection that is being made, there is more to be said.
const GREETINGS: &[(&str, ErrorKind, &str)] = &[
    ("DENIED", ErrorKind::Denied, "the server is in protected mode"),
    ("ERR", ErrorKind::Invalid, "the server does not accept what the URL asks for"),
];

/// How a script is told that its user lacks a right.
const DENIED: &str = "The user executing the script can't";

pub(crate) fn classify(stage: Stage, server: &str, error: &RedisError) -> Error {
    let code = error.code().unwrap_or_default();
    // A right that a script lacks has no code of its own. Each script writes the record last.
    let is_denied = error.detail().is_some_and(|detail| detail.starts_with(DENIED));
    let code = if is_denied { "NOPERM" } else { code };
    let known = CODES.iter().find(|(known, ..)| *known == code);
    let greeting = || GREETINGS.iter().find(|(known, ..)| *known == code);
    let known = known.or_else(|| greeting().filter(|_| stage == Stage::Connecting));
    if let Some((_, kind, advice)) = known {
        let message = format!("{server} answers {error}: {advice}");
        return Error::definite(*kind, message).with_source(error.clone());
    }
    let made = match (stage, error.kind()) {
        (_, redis::ErrorKind::AuthenticationFailed) => Error::definite(
            ErrorKind::Unauthenticated,
            format!("{server}: {error}: user or password in the URL are wrong"),
        ),
        (_, redis::ErrorKind::InvalidClientConfig) => {
            Error::definite(ErrorKind::Invalid, format!("{server}: {error}"))
        }
        (Stage::Connecting, _) if error.is_timeout() => Error::definite(
            ErrorKind::Unavailable,
            format!(
                "no connection to {server} in time: is it there, and does it speak TLS (rediss://) \
                 or not (redis://)?"
            ),
        ),
        (Stage::Connecting, _) => {
            Error::definite(ErrorKind::Unavailable, format!("no connection to {server}: {error}"))
        }
        (Stage::Sent, redis::ErrorKind::Io) => Error::ambiguous(
            ErrorKind::Unavailable,
            format!("the connection to {server} broke: {error}"),
        ),
        (Stage::Sent, _) => {
            Error::ambiguous(ErrorKind::Internal, format!("{server} answers {error}"))
        }
    };
    made.with_source(error.clone())
}

#[cfg(test)]
mod tests;
