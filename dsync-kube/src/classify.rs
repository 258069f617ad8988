//! Classifies failures: their kind, and whether a write may have been applied.

use std::error::Error as StdError;

use dsync::{Error, ErrorKind};
use hyper_util::client::legacy::Error as ClientError;
use kube::client::AuthError;

use crate::answer::{Failure, Refusal};
use crate::requests::Call;

/// Turns a failure into an error that says whether the write may have been applied.
///
/// An error is definite only with a proof:
///
/// - the type of the error: there was no connection, or there were no credentials to send;
/// - a Kubernetes `Status` below 500: the API server refused the request before it wrote.
///
/// Everything else is ambiguous, including an answer without a `Status`, which comes from a proxy that
/// may have forwarded the request. Reads write nothing, so their errors are always definite.
pub(crate) fn classify(call: &Call, server: &str, failure: Failure) -> Error {
    use ErrorKind::{Denied, Invalid, Throttled, Unauthenticated, Unavailable, Unsupported};
    let refusal = match failure {
        Failure::Credentials(error) => return error,
        Failure::Malformed(error) => {
            return Error::definite(
                Invalid,
                format!("cannot build a request to {server}: {error}"),
            )
            .with_source(error);
        }
        Failure::Transport(error) => return transport(call, server, error),
        Failure::Garbage(error) => {
            let message = format!("{server} returned something other than JSON: {error}");
            return judge(!call.verb.writes(), Unavailable, message).with_source(error);
        }
        Failure::Refused(refusal) => refusal,
    };
    let Call { verb, namespace, .. } = call;
    let what = describe(call);
    let reason = reason(&refusal);
    let terminating = refusal.causes.iter().any(|cause| cause == "NamespaceTerminating");
    let (kind, message) = match refusal.code {
        400 | 413 | 422 => (Invalid, format!("the API server refused to {what}: {reason}")),
        401 => (Unauthenticated, format!("{server} does not accept the credentials: {reason}")),
        403 if terminating => (
            Unavailable,
            format!("namespace \"{namespace}\" is being deleted, so nothing can be created in it"),
        ),
        403 => (
            Denied,
            format!(
                "not allowed to {what}; grant verb \"{verb}\" on leases.coordination.k8s.io in \
                 namespace \"{namespace}\" to this service account (see the Role in the README of \
                 dsync-kube): {reason}"
            ),
        ),
        404 if refusal.kind == "namespaces" => (
            Unavailable,
            format!(
                "namespace \"{namespace}\" does not exist; create it, or configure another: {reason}"
            ),
        ),
        404 if refusal.is_status => {
            (Unavailable, format!("{server} found nothing to {what}: {reason}"))
        }
        405 | 406 | 415 => (Unsupported, format!("{server} cannot {what}: {reason}")),
        429 => (Throttled, format!("{server} is rate-limiting; send fewer requests: {reason}")),
        code => (Unavailable, format!("{server} returned {code} for {what}: {reason}")),
    };
    let proven = refusal.is_status && (400..500).contains(&refusal.code);
    let error = judge(proven || !verb.writes(), kind, message);
    match refusal.retry_after {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

fn transport(call: &Call, server: &str, error: kube::Error) -> Error {
    let reads = !call.verb.writes();
    let causes = causes(&error);
    if in_chain::<AuthError>(&error).is_some() {
        let message = format!("cannot obtain the credentials for {server}: {causes}");
        return Error::definite(ErrorKind::Unauthenticated, message).with_source(error);
    }
    if in_chain::<ClientError>(&error).is_some_and(ClientError::is_connect) {
        let hint = if causes.contains("certificate") {
            "check that the certificate authority in the kubeconfig has signed its certificate"
        } else {
            "check that the API server is running and that this is its address"
        };
        let message = format!("cannot connect to {server}: {causes}; {hint}");
        return Error::definite(ErrorKind::Unavailable, message).with_source(error);
    }
    let message = format!("no answer from {server} to {}: {causes}", describe(call));
    judge(reads, ErrorKind::Unavailable, message).with_source(error)
}

fn judge(definite: bool, kind: ErrorKind, message: String) -> Error {
    if definite { Error::definite(kind, message) } else { Error::ambiguous(kind, message) }
}

/// `update lease "default/billing"`, `list the leases of namespace "default"`.
fn describe(call: &Call) -> String {
    let Call { verb, namespace, .. } = call;
    match &call.name {
        Some(name) => format!("{verb} lease \"{namespace}/{name}\""),
        None => format!("{verb} the leases of namespace \"{namespace}\""),
    }
}

fn reason(refusal: &Refusal) -> &str {
    if refusal.message.is_empty() { "no reason given" } else { &refusal.message }
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn in_chain<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref::<T>())
}

/// Returns the error and its sources in one line, for loggers that print no sources. A source that
/// only repeats the text so far is left out.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut line = String::new();
    for cause in chain(error) {
        let text = cause.to_string();
        if line.contains(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests {
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
            // Without a Status it is the answer of a proxy, which may have forwarded the request.
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
            (
                Failure::Transport(kube::Error::Service("reset".into())),
                Unavailable,
                true,
                "no answer",
            ),
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
        assert!(refused.to_string().contains("that the API server is running"), "{refused}");
    }
}
