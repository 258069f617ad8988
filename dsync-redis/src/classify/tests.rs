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
        // A script that stopped half way says so as well: nobody knows what it has done.
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
