use super::*;

const ENDPOINT: &str = "http://10.0.0.1:2379";

#[test]
fn each_answer_has_its_kind_and_proof() {
    use ErrorKind::{Denied, Internal, Invalid, Throttled, Unauthenticated, Unavailable};
    // (code, what the server says, kind, ambiguous, what the message says)
    let table = [
        (Code::PermissionDenied, "etcdserver: permission denied", Denied, false, "rights"),
        (Code::InvalidArgument, "etcdserver: user name is empty", Unauthenticated, false, "user"),
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
        (Code::ResourceExhausted, "etcdserver: too many requests", Throttled, false, "too much"),
        (Code::Unavailable, "etcdserver: no leader", Unavailable, false, "cut off"),
        (Code::NotFound, "etcdserver: requested lease not found", Unavailable, false, "ran out"),
        (Code::OutOfRange, "etcdserver: too large lease TTL", Invalid, false, "shorten"),
        (Code::FailedPrecondition, "etcdserver: something new", Invalid, false, "something new"),
        // It was proposed, and may still be carried out.
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
        // Not etcd's own words: a proxy may have passed the request on.
        (Code::Unavailable, "upstream connect error", Unavailable, true, "upstream"),
        (Code::PermissionDenied, "RBAC: access denied", Denied, true, "RBAC"),
        (Code::Unknown, "transport error", Unavailable, true, "transport error"),
        (Code::Cancelled, "", Unavailable, true, ENDPOINT),
        (Code::Internal, "h2 protocol error", Internal, true, "h2"),
    ];
    for (code, says, kind, ambiguous, told) in table {
        let found =
            classify(Stage::Sent, ENDPOINT, ClientError::GRpcStatus(Status::new(code, says)));
        let text = found.to_string();
        assert_eq!((found.kind(), found.is_ambiguous()), (kind, ambiguous), "{says}: {text}");
        assert!(text.contains(told) && text.contains(ENDPOINT), "{says}: {text}");
    }
}

#[test]
fn a_connection_that_was_never_made_has_sent_nothing() {
    let error = ClientError::GRpcStatus(Status::unavailable("tls handshake eof"));
    let found = classify(Stage::Connecting, ENDPOINT, error);
    assert_eq!(found.kind(), ErrorKind::Unavailable);
    assert!(!found.is_ambiguous() && found.to_string().contains("TLS"), "{found}");
}
