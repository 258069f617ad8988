//! A scripted API server that replaces the HTTP client.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dsync::driver::{Claim, Holder, Key, KeyKind, Lease, Nonce, Observation, Watch};
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::StreamExt;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

pub(crate) const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/shop/leases";

/// A request that the server has received.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn is_watch(&self) -> bool {
        self.query.contains("watch=true")
    }

    pub(crate) fn is_list(&self) -> bool {
        self.method == Method::GET && self.path == LEASES && !self.is_watch()
    }

    /// `PUT a`, `POST`, `LIST`, `WATCH 10 a`.
    pub(crate) fn brief(&self) -> String {
        let named = self.query.split_once("metadata.name%3D").map_or("", |(_, name)| name);
        if self.is_watch() {
            let after = self.query.split("resourceVersion=").nth(1).unwrap_or_default();
            let after = after.split('&').next().unwrap_or_default();
            return format!("WATCH {after} {named}").trim().to_owned();
        }
        if self.is_list() {
            return format!("LIST {named}").trim().to_owned();
        }
        let name = self.path.strip_prefix(LEASES).unwrap_or(&self.path).trim_start_matches('/');
        format!("{} {name}", self.method).trim().to_owned()
    }
}

/// The answer to a request.
pub(crate) enum Reply {
    Json(u16, Value),
    Text(u16, &'static str),
    Lines(UnboundedReceiver<Bytes>),
    Never,
}

type Handler = Box<dyn FnMut(&Asked) -> Reply + Send>;

/// The requests that the scripted server has received.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<Vec<Asked>>>);

impl Fake {
    pub(crate) fn new(handler: impl FnMut(&Asked) -> Reply + Send + 'static) -> (Self, Client) {
        let fake = Self(Arc::default());
        let handler: Arc<Mutex<Handler>> = Arc::new(Mutex::new(Box::new(handler)));
        let asked = Arc::clone(&fake.0);
        let service = tower::service_fn(move |request: Request<Body>| {
            let (asked, handler) = (Arc::clone(&asked), Arc::clone(&handler));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let this = Asked {
                    method: head.method,
                    path: head.uri.path().to_owned(),
                    query: head.uri.query().unwrap_or_default().to_owned(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                };
                asked.lock().unwrap().push(this.clone());
                let reply = handler.lock().unwrap()(&this);
                Ok::<_, Infallible>(reply.into_response().await)
            }
        });
        (fake, Client::new(service, "default"))
    }

    /// Answers in this order, and fails the test at the first request beyond.
    pub(crate) fn script(replies: Vec<Reply>) -> (Self, Client) {
        let mut replies = replies.into_iter();
        Self::new(move |asked| replies.next().unwrap_or_else(|| panic!("unexpected {asked:?}")))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn briefs(&self) -> Vec<String> {
        self.asked().iter().map(Asked::brief).collect()
    }
}

impl Reply {
    async fn into_response(self) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
        let (code, body) = match self {
            Self::Json(code, value) => (code, Full::from(value.to_string()).boxed_unsync()),
            Self::Text(code, text) => (code, Full::from(text).boxed_unsync()),
            Self::Lines(lines) => {
                let frames = lines.map(|line| Ok(http_body::Frame::data(line)));
                (200, StreamBody::new(frames).boxed_unsync())
            }
            Self::Never => std::future::pending().await,
        };
        Response::builder().status(code).body(body).unwrap()
    }
}

pub(crate) fn status(code: u16, reason: &str) -> Reply {
    let details = json!({ "kind": "leases", "group": "coordination.k8s.io" });
    let status = json!({ "kind": "Status", "code": code, "reason": reason, "message": reason, "details": details });
    Reply::Json(code, status)
}

/// A Lease object called `a`.
pub(crate) fn object(revision: u64, holder: &str) -> Value {
    named("a", revision, holder)
}

pub(crate) fn named(name: &str, revision: u64, holder: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop", "uid": "uid-1",
            "resourceVersion": revision.to_string(), "labels": { "team": "a" },
        },
        "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 4,
            "renewTime": "2026-01-02T03:04:05.000000Z", "future": { "kept": true },
        },
    })
}

pub(crate) fn ok(object: Value) -> Reply {
    Reply::Json(200, object)
}

pub(crate) fn list(revision: &str, items: &[Value]) -> Reply {
    Reply::Json(200, json!({ "metadata": { "resourceVersion": revision }, "items": items }))
}

/// Stores what is written, as the server does: everything in it, at the next revision.
pub(crate) fn stored(asked: &Asked, revision: u64) -> Value {
    let mut object = asked.body.clone();
    object["metadata"]["resourceVersion"] = json!(revision.to_string());
    if object["metadata"]["uid"].is_null() {
        object["metadata"]["uid"] = json!("uid-1");
    }
    object
}

/// One open watch.
pub(crate) struct Events(UnboundedSender<Bytes>);

impl Events {
    pub(crate) fn open() -> (Self, Reply) {
        let (sender, receiver) = unbounded();
        (Self(sender), Reply::Lines(receiver))
    }

    pub(crate) fn send(&self, kind: &str, object: &Value) {
        let line = json!({ "type": kind, "object": object }).to_string() + "\n";
        // In two pieces, since a line may be split anywhere.
        let (head, tail) = line.split_at(line.len() / 2);
        self.0.unbounded_send(Bytes::from(head.to_owned())).unwrap();
        self.0.unbounded_send(Bytes::from(tail.to_owned())).unwrap();
    }

    pub(crate) fn bookmark(&self, revision: u64) {
        let object = json!({ "metadata": { "resourceVersion": revision.to_string() } });
        self.send("BOOKMARK", &object);
    }

    /// Returns whether the driver has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

pub(crate) fn key(kind: KeyKind) -> Key {
    Key::new(kind, "shop", "a")
}

pub(crate) fn me() -> Holder {
    Holder::new("pod-a", Nonce::new(7))
}

pub(crate) fn claim() -> Claim {
    Claim::new(me(), Duration::from_millis(14_500))
}

pub(crate) async fn next(watch: &mut Watch) -> dsync::Result<Observation> {
    let wait = tokio::time::timeout(Duration::from_secs(20), watch.next());
    wait.await.expect("the watch is silent").expect("the watch ended")
}

pub(crate) async fn record(watch: &mut Watch) -> Option<Lease> {
    loop {
        match next(watch).await.unwrap() {
            Observation::Record(record) => return record,
            Observation::Heartbeat => {}
        }
    }
}
