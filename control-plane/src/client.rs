//! A small HTTP client for the API server.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::pki::Identity;

/// A client for the API server that acts as one user.
///
/// A test uses it to create what it needs, and to read objects independently of the code under test.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    server: SocketAddr,
}

/// An answer of the API server.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as text, which is JSON for most paths.
    pub body: String,
}

impl Response {
    /// Returns the body as JSON.
    ///
    /// # Errors
    /// When the status is not 2xx, or the body is not JSON.
    pub fn json(&self) -> Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("the API server answered {}: {}", self.status, self.body.trim());
        }
        serde_json::from_str(&self.body).context("the answer of the API server is not JSON")
    }
}

impl Client {
    pub(crate) fn new(server: SocketAddr, authority: &str, identity: &Identity) -> Result<Self> {
        let authority = Certificate::from_pem(authority.as_bytes())?;
        let certificate = Certificate::from_pem(identity.certificate.as_bytes())?;
        let key = PrivateKey::from_pem(identity.key.as_bytes())?;
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[authority]))
            .client_cert(Some(ClientCert::new_with_certs(&[certificate], key)))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            // The server is on loopback, so a proxy from the environment must not be used.
            .proxy(None)
            // A restart of the server breaks idle connections.
            .max_idle_connections(0)
            .build();
        Ok(Self { agent: config.into(), server })
    }

    /// Reads `path`, such as `/version`.
    ///
    /// # Errors
    /// When there is no answer within 10 seconds. A refusal is an answer, not an error; see
    /// [`Response::status`].
    pub fn get(&self, path: &str) -> Result<Response> {
        self.send("GET", path, None)
    }

    /// Creates an object at `path`.
    ///
    /// # Errors
    /// When there is no answer, as for [`get`](Self::get).
    pub fn post(&self, path: &str, object: &Value) -> Result<Response> {
        self.send("POST", path, Some(object))
    }

    /// Sends any other request.
    ///
    /// # Errors
    /// When there is no answer, as for [`get`](Self::get).
    pub fn send(&self, method: &str, path: &str, object: Option<&Value>) -> Result<Response> {
        let url = format!("https://{}{path}", self.server);
        let run = || -> Result<Response> {
            let request = Request::builder().method(method).uri(&url);
            let mut response = match object {
                Some(object) => self.agent.run(
                    request.header("Content-Type", "application/json").body(object.to_string())?,
                )?,
                None => self.agent.run(request.body(())?)?,
            };
            let status = response.status().as_u16();
            Ok(Response { status, body: response.body_mut().read_to_string()? })
        };
        run().with_context(|| format!("{method} {url}"))
    }
}
