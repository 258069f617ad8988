use std::time::Duration;

use dsync::driver::{Key, KeyKind};
use serde_json::{Value, json};

use super::*;

const SERVER: &str = "https://10.0.0.1:6443";

fn call() -> Call {
    Call::update(&Key::new(KeyKind::Lock, "shop", "a.lock.b"), &json!({})).unwrap()
}

fn status(code: u16, reason: &str, details: &Value) -> Failure {
    let status = json!({
        "kind": "Status", "code": code, "reason": reason, "message": "the server says", "details": details,
    });
    Failure::Refused(Refusal::from_status(&status))
}

fn plain(code: u16) -> Failure {
    Failure::Refused(Refusal { code, message: "Bad Gateway".into(), ..Refusal::default() })
}

#[test]
fn each_answer_has_its_kind_and_proof() {
    use ErrorKind::{Denied, Invalid, Throttled, Unauthenticated, Unavailable, Unsupported};
    let none = json!({});
    let terminating = json!({ "causes": [{ "reason": "NamespaceTerminating" }] });
    let namespace = json!({ "kind": "namespaces", "name": "shop" });
    let wait = json!({ "retryAfterSeconds": 3 });
    // (answer, kind, ambiguous, what the message says)
    let table = [
        (status(400, "BadRequest", &none), Invalid, false, "the server says"),
        (status(401, "Unauthorized", &none), Unauthenticated, false, SERVER),
        (
            status(403, "Forbidden", &none),
            Denied,
            false,
            "grant verb \"update\" on leases.coordination.k8s.io in namespace \"shop\"",
        ),
        (status(403, "Forbidden", &terminating), Unavailable, false, "is being deleted"),
        (
            status(404, "NotFound", &namespace),
            Unavailable,
            false,
            "namespace \"shop\" does not exist",
        ),
        (status(404, "NotFound", &none), Unavailable, false, "update lease \"shop/a.lock.b\""),
        (status(405, "MethodNotAllowed", &none), Unsupported, false, "update"),
        (status(409, "Conflict", &none), Unavailable, false, "409"),
        (status(413, "RequestEntityTooLarge", &none), Invalid, false, "the server says"),
        (status(422, "Invalid", &none), Invalid, false, "the server says"),
        (status(429, "TooManyRequests", &wait), Throttled, false, "fewer requests"),
        (status(500, "InternalError", &none), Unavailable, true, "500"),
        (status(503, "ServiceUnavailable", &none), Unavailable, true, "503"),
        (status(504, "Timeout", &wait), Unavailable, true, "504"),
        // Without a Status it is the answer of a proxy, which may have passed the request on.
        (plain(302), Unavailable, true, "302"),
        (plain(403), Denied, true, "Bad Gateway"),
        (plain(404), Unavailable, true, "404"),
        (plain(429), Throttled, true, "Bad Gateway"),
        (plain(502), Unavailable, true, "502"),
        (
            Failure::Garbage(serde_json::from_str::<Value>("<").unwrap_err()),
            Unavailable,
            true,
            "JSON",
        ),
        (Failure::Transport(kube::Error::Service("reset".into())), Unavailable, true, "no answer"),
        (
            Failure::Transport(kube::Error::Service(Box::new(std::io::Error::other("eof")))),
            Unavailable,
            true,
            SERVER,
        ),
        (
            Failure::Transport(kube::Error::Service(Box::new(AuthError::MissingCommand))),
            Unauthenticated,
            false,
            "credentials",
        ),
    ];
    for (failure, kind, ambiguous, says) in table {
        let shown = format!("{failure:?}");
        let error = classify(&call(), SERVER, failure);
        assert_eq!((error.kind(), error.is_ambiguous()), (kind, ambiguous), "{shown}");
        assert!(error.to_string().contains(says), "{error} should say {says}");
    }
}

#[test]
fn a_read_is_never_ambiguous() {
    let get = Call::get(&Key::new(KeyKind::Lock, "shop", "a")).unwrap();
    for failure in [plain(502), status(500, "InternalError", &json!({}))] {
        assert!(!classify(&get, SERVER, failure).is_ambiguous());
    }
}

#[test]
fn the_wait_that_the_server_asks_for_is_kept() {
    let failure = status(429, "TooManyRequests", &json!({ "retryAfterSeconds": 3 }));
    assert_eq!(classify(&call(), SERVER, failure).retry_after(), Some(Duration::from_secs(3)));
}

/// Against real sockets, since the proof is the type of the client's error.
#[tokio::test]
async fn what_was_never_sent_is_definite_and_what_was_is_not() {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    async fn update(url: &str) -> Error {
        let mut config = kube::Config::new(url.parse().unwrap());
        config.default_retry = false;
        let session = crate::session::Session::given(kube::Client::try_from(config).unwrap());
        let failure = session.ask(&call()).await.unwrap_err();
        classify(&call(), url, failure)
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "a server for one test")]
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut some = [0; 64];
            let _ = socket.read(&mut some).await;
        }
    });
    let broken = update(&format!("http://127.0.0.1:{port}")).await;
    assert!(broken.is_ambiguous(), "{broken}");
    assert_eq!(broken.kind(), ErrorKind::Unavailable);

    let tls = update(&format!("https://127.0.0.1:{port}")).await;
    assert!(!tls.is_ambiguous(), "the handshake failed before anything was sent: {tls}");

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{closed}");
    let refused = update(&url).await;
    assert!(!refused.is_ambiguous(), "{refused}");
    assert!(refused.to_string().contains(&format!("cannot connect to {url}")), "{refused}");
    assert!(refused.to_string().contains("is the API server up"), "{refused}");
}
