//! Classifies errors of the server and of the connection.

use dsync::{Error, ErrorKind};
use redis::RedisError;

/// When the error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the request was sent.
    Connecting,
    /// After the request may have been sent.
    Sent,
}

/// The error codes of a server that has not run the request, with their kind and what to do. Other
/// codes do not prove that nothing was written.
const CODES: &[(&str, ErrorKind, &str)] = &[
    ("NOAUTH", ErrorKind::Unauthenticated, "the server requires a password: add it to the URL"),
    ("WRONGPASS", ErrorKind::Unauthenticated, "the user or password in the URL is wrong"),
    ("NOPERM", ErrorKind::Denied, "see the rights in the README of dsync-redis"),
    ("READONLY", ErrorKind::Unavailable, "this is a replica: connect to the master"),
    ("MASTERDOWN", ErrorKind::Unavailable, "this replica has lost its master"),
    ("LOADING", ErrorKind::Unavailable, "the server is loading its data"),
    ("BUSY", ErrorKind::Unavailable, "a script of another client blocks the server"),
    ("NOREPLICAS", ErrorKind::Unavailable, "too few replicas follow the server"),
    ("MISCONF", ErrorKind::Unavailable, "the server cannot save its data and refuses writes"),
    ("CLUSTERDOWN", ErrorKind::Unavailable, "the cluster does not serve this slot"),
    ("TRYAGAIN", ErrorKind::Unavailable, "the slot is being moved"),
    (
        "MOVED",
        ErrorKind::Unavailable,
        "this is a node of a cluster: use redis+cluster:// in the URL",
    ),
    ("ASK", ErrorKind::Unavailable, "the slot is being moved to another node"),
    ("OOM", ErrorKind::Throttled, "the server is out of memory: raise maxmemory"),
    (
        "WRONGTYPE",
        ErrorKind::Unsupported,
        "another program uses this name: configure another scope",
    ),
    (
        "DSYNCTOKEN",
        ErrorKind::Unsupported,
        "the counter of fencing tokens was set by hand: delete it",
    ),
    (
        "CROSSSLOT",
        ErrorKind::Unsupported,
        "a proxy between client and server does not support hash tags",
    ),
];

/// More codes that are proof while connecting, when no request has been sent.
const GREETINGS: &[(&str, ErrorKind, &str)] = &[
    ("DENIED", ErrorKind::Denied, "the server is in protected mode"),
    ("ERR", ErrorKind::Invalid, "the server rejects the settings of the URL"),
];

/// How the server reports to a script that its user lacks a right.
const DENIED: &str = "The user executing the script can't";

pub(crate) fn classify(stage: Stage, server: &str, error: &RedisError) -> Error {
    let code = error.code().unwrap_or_default();
    // A right that a script lacks has no code of its own. It proves that nothing was written, because
    // each script writes the record last.
    let is_denied = error.detail().is_some_and(|detail| detail.starts_with(DENIED));
    let code = if is_denied { "NOPERM" } else { code };
    let known = CODES.iter().find(|(known, ..)| *known == code);
    let greeting = || GREETINGS.iter().find(|(known, ..)| *known == code);
    let known = known.or_else(|| greeting().filter(|_| stage == Stage::Connecting));
    if let Some((_, kind, advice)) = known {
        let message = format!("{server} returned {error}: {advice}");
        return Error::definite(*kind, message).with_source(error.clone());
    }
    let made = match (stage, error.kind()) {
        (_, redis::ErrorKind::AuthenticationFailed) => Error::definite(
            ErrorKind::Unauthenticated,
            format!("{server}: {error}: the user or password in the URL is wrong"),
        ),
        (_, redis::ErrorKind::InvalidClientConfig) => {
            Error::definite(ErrorKind::Invalid, format!("{server}: {error}"))
        }
        (Stage::Connecting, _) if error.is_timeout() => Error::definite(
            ErrorKind::Unavailable,
            format!(
                "no connection to {server} in time: check that it is running, and whether it uses TLS \
                 (rediss://) or not (redis://)"
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
            Error::ambiguous(ErrorKind::Internal, format!("{server} returned {error}"))
        }
    };
    made.with_source(error.clone())
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::ServerErrorKind;

    use super::*;

    const SERVER: &str = "10.0.0.1:6379";

    fn answer(code: &str) -> RedisError {
        redis::make_extension_error(code.to_owned(), Some("the server says".to_owned()))
    }

    fn io(kind: io::ErrorKind) -> RedisError {
        io::Error::from(kind).into()
    }

    #[test]
    fn each_answer_has_its_kind_and_proof() {
        use ErrorKind::{Denied, Internal, Throttled, Unauthenticated, Unavailable, Unsupported};
        let known = |kind: ServerErrorKind| RedisError::from((kind.into(), "the server says"));
        // (answer, kind, ambiguous, what the message says)
        let table = [
            (answer("NOAUTH"), Unauthenticated, false, "password"),
            (answer("WRONGPASS"), Unauthenticated, false, "user or password"),
            (known(ServerErrorKind::NoPerm), Denied, false, "rights"),
            (
                RedisError::from((
                    ServerErrorKind::ResponseError.into(),
                    "An error was signalled by the server",
                    "The user executing the script can't run this command or subcommand".to_owned(),
                )),
                Denied,
                false,
                "rights",
            ),
            (known(ServerErrorKind::ReadOnly), Unavailable, false, "replica"),
            (known(ServerErrorKind::MasterDown), Unavailable, false, "replica"),
            (known(ServerErrorKind::BusyLoading), Unavailable, false, "loading"),
            (answer("BUSY"), Unavailable, false, "script"),
            (answer("NOREPLICAS"), Unavailable, false, "replicas"),
            (answer("MISCONF"), Unavailable, false, "save"),
            (known(ServerErrorKind::ClusterDown), Unavailable, false, "slot"),
            (known(ServerErrorKind::TryAgain), Unavailable, false, "slot"),
            (known(ServerErrorKind::Moved), Unavailable, false, "redis+cluster://"),
            (known(ServerErrorKind::Ask), Unavailable, false, "another node"),
            (known(ServerErrorKind::CrossSlot), Unsupported, false, "hash tags"),
            (answer("OOM"), Throttled, false, "maxmemory"),
            (answer("WRONGTYPE"), Unsupported, false, "another program"),
            (answer("DSYNCTOKEN"), Unsupported, false, "counter"),
            // A script that stopped half way returns this code as well, so its effect is unknown.
            (known(ServerErrorKind::ResponseError), Internal, true, SERVER),
            (answer("SOMETHING"), Internal, true, "SOMETHING"),
            (io(io::ErrorKind::ConnectionReset), Unavailable, true, "broke"),
            (io(io::ErrorKind::UnexpectedEof), Unavailable, true, "broke"),
            (io(io::ErrorKind::BrokenPipe), Unavailable, true, "broke"),
        ];
        for (error, kind, ambiguous, says) in table {
            let found = classify(Stage::Sent, SERVER, &error);
            assert_eq!((found.kind(), found.is_ambiguous()), (kind, ambiguous), "{error}: {found}");
            let text = found.to_string();
            assert!(text.contains(says) && text.contains(SERVER), "{error}: {text}");
        }
    }

    #[test]
    fn a_connection_that_was_never_made_has_sent_nothing() {
        let kinds = [io::ErrorKind::ConnectionRefused, io::ErrorKind::ConnectionReset];
        for error in kinds.map(io) {
            let found = classify(Stage::Connecting, SERVER, &error);
            assert_eq!(found.kind(), ErrorKind::Unavailable);
            assert!(!found.is_ambiguous(), "{found}");
        }
    }
}
