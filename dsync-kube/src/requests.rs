//! The requests to the API server.

use std::fmt;

use dsync::driver::{Key, Version};
use dsync::{Error, ErrorKind, Result};
use http::Request;
use http::request::Builder;
use serde_json::{Value, json};

use crate::record::{self, KIND, MANAGED_BY};

/// The verb of the request, by its name in RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Create,
    Update,
    Delete,
    List,
    Watch,
}

impl Verb {
    pub(crate) fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Watch => "watch",
        })
    }
}

/// One request, with the details that an error message names.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) namespace: String,
    /// `None`: all Leases of the namespace.
    pub(crate) name: Option<String>,
    request: Parts,
}

#[derive(Clone, Debug)]
struct Parts {
    path: String,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn get(key: &Key) -> Result<Self> {
        Self::of(key, Verb::Get, None)
    }

    pub(crate) fn create(key: &Key, object: &Value) -> Result<Self> {
        Self::of(key, Verb::Create, Some(object))
    }

    /// Replaces the object, which carries the uid and the resourceVersion that were read. Without
    /// the uid, the server would create a deleted object again.
    pub(crate) fn update(key: &Key, object: &Value) -> Result<Self> {
        Self::of(key, Verb::Update, Some(object))
    }

    /// Deletes the object if it still has `version`.
    pub(crate) fn delete(key: &Key, version: &Version) -> Result<Self> {
        let Some((uid, revision)) = record::split(version) else {
            return Err(invalid("version", version.as_str(), "not a uid and a resourceVersion"));
        };
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": uid, "resourceVersion": revision.to_string() },
        });
        Self::of(key, Verb::Delete, Some(&options))
    }

    fn of(key: &Key, verb: Verb, body: Option<&Value>) -> Result<Self> {
        let collection = collection(key.namespace())?;
        let name = checked("name", key.name())?;
        let path = match verb {
            Verb::Create => collection,
            _ => format!("{collection}/{name}"),
        };
        Ok(Self {
            verb,
            namespace: key.namespace().to_owned(),
            name: Some(name.to_owned()),
            request: Parts {
                path,
                body: body.map_or_else(Vec::new, |body| body.to_string().into()),
            },
        })
    }

    /// Lists all Leases of a namespace, or the one called `name`. Without a resourceVersion, the
    /// server returns the most recent state.
    pub(crate) fn list(namespace: &str, name: Option<&str>) -> Result<Self> {
        let query = name.map(selector).transpose()?.map_or_else(String::new, |it| format!("?{it}"));
        Self::many(Verb::List, namespace, name, &query)
    }

    /// Watches what changes after `revision`.
    pub(crate) fn watch(namespace: &str, name: Option<&str>, revision: &str) -> Result<Self> {
        let mut query = String::from("?watch=true&allowWatchBookmarks=true&resourceVersion=");
        query.push_str(checked("resourceVersion", revision)?);
        if let Some(name) = name {
            query.push('&');
            query.push_str(&selector(name)?);
        }
        Self::many(Verb::Watch, namespace, name, &query)
    }

    /// Lists one page of the lock Leases that this driver has created in a namespace.
    pub(crate) fn list_locks(namespace: &str, page: Option<&str>) -> Result<Self> {
        let mut query = format!(
            "?limit=500&labelSelector={}%3D{},{KIND}%3Dlock",
            MANAGED_BY.0.replace('/', "%2F"),
            MANAGED_BY.1
        );
        if let Some(page) = page {
            query.push_str("&continue=");
            for byte in page.bytes() {
                query.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
        Self::many(Verb::List, namespace, None, &query)
    }

    fn many(verb: Verb, namespace: &str, name: Option<&str>, query: &str) -> Result<Self> {
        Ok(Self {
            verb,
            namespace: namespace.to_owned(),
            name: name.map(ToOwned::to_owned),
            request: Parts { path: collection(namespace)? + query, body: Vec::new() },
        })
    }

    pub(crate) fn request(&self) -> Result<Request<Vec<u8>>, http::Error> {
        let builder: Builder = match self.verb {
            Verb::Get | Verb::List | Verb::Watch => Request::get(&self.request.path),
            Verb::Create => Request::post(&self.request.path),
            Verb::Update => Request::put(&self.request.path),
            Verb::Delete => Request::delete(&self.request.path),
        };
        let mut builder = builder
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::USER_AGENT, concat!("dsync-kube/", env!("CARGO_PKG_VERSION")));
        if !self.request.body.is_empty() {
            builder = builder.header(http::header::CONTENT_TYPE, "application/json");
        }
        if self.verb == Verb::Watch {
            // In a compressed watch each event is a gzip member of its own, and decoders stop after
            // the first member.
            builder = builder.header(http::header::ACCEPT_ENCODING, "identity");
        }
        builder.body(self.request.body.clone())
    }
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}

fn collection(namespace: &str) -> Result<String> {
    let namespace = checked("namespace", namespace)?;
    Ok(format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"))
}

fn selector(name: &str) -> Result<String> {
    Ok(format!("fieldSelector=metadata.name%3D{}", checked("name", name)?))
}

/// Checks that `text` is a DNS name. The core makes no other names; anything else could form another
/// path or another query.
fn checked<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    if bytes.iter().all(|byte| fits(*byte)) && edge(bytes.first()) && edge(bytes.last()) {
        return Ok(text);
    }
    Err(invalid(what, text, "not a lower-case DNS name (a-z, 0-9, `-`, `.`)"))
}

fn invalid(what: &str, text: &str, rule: &str) -> Error {
    Error::definite(ErrorKind::Invalid, format!("{what} {text:?} is {rule}"))
}

#[cfg(test)]
mod tests {
    use dsync::driver::KeyKind;

    use super::*;

    #[test]
    fn names_that_are_no_names_never_reach_a_path() {
        for bad in ["", "a/b", "..", "a?b", "A", "a b", "a%2Fb", "-a", "a.", "ä"] {
            let key = Key::new(KeyKind::Lock, "default", bad);
            assert_eq!(Call::get(&key).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
            let key = Key::new(KeyKind::Lock, bad, "name");
            assert_eq!(Call::get(&key).unwrap_err().kind(), ErrorKind::Invalid, "{bad}");
            assert!(Call::list("default", Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn requests_are_what_the_api_server_expects() {
        let key = Key::new(KeyKind::Lock, "ns", "a.lock.b");
        let base = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";
        let uri = |call: Call| call.request().unwrap().uri().to_string();
        assert_eq!(uri(Call::get(&key).unwrap()), format!("{base}/a.lock.b"));
        assert_eq!(uri(Call::create(&key, &json!({})).unwrap()), base);
        assert_eq!(uri(Call::list("ns", None).unwrap()), base);
        assert_eq!(
            uri(Call::watch("ns", Some("x"), "12").unwrap()),
            format!(
                "{base}?watch=true&allowWatchBookmarks=true&resourceVersion=12&fieldSelector=metadata.name%3Dx"
            )
        );
        assert_eq!(
            uri(Call::list_locks("ns", Some("a=")).unwrap()),
            format!(
                "{base}?limit=500&labelSelector=app.kubernetes.io%2Fmanaged-by%3Ddsync,dsync-kind%3Dlock\
             &continue=%61%3d"
            )
        );
        let delete = Call::delete(&key, &Version::new("u-1/42")).unwrap().request().unwrap();
        let body: Value = serde_json::from_slice(delete.body()).unwrap();
        assert_eq!(body["preconditions"], json!({ "uid": "u-1", "resourceVersion": "42" }));
        assert!(Call::delete(&key, &Version::new("nonsense")).is_err());
    }
}
