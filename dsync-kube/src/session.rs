//! The client of the API server, which is replaced when the server refuses its credentials.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dsync::{Error, Result};
use http::Response;
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use crate::answer::{Failure, Refusal};
use crate::classify::classify;
use crate::connect::Source;
use crate::requests::Call;

pub(crate) struct Session {
    /// `None` if the caller supplied the client, which then stays as it is.
    source: Option<Source>,
    server: String,
    current: Mutex<Current>,
    /// Held while the credentials are read again: one request reads them, the others wait.
    reloading: tokio::sync::Mutex<()>,
}

struct Current {
    client: Client,
    generation: u64,
    /// The server has refused its credentials.
    expired: bool,
}

impl Session {
    pub(crate) fn given(client: Client) -> Self {
        Self::new(None, client, "the API server".to_owned())
    }

    pub(crate) async fn open(source: Source) -> Result<Self> {
        let (client, server) = source.open().await?;
        Ok(Self::new(Some(source), client, server))
    }

    fn new(source: Option<Source>, client: Client, server: String) -> Self {
        let current = Mutex::new(Current { client, generation: 0, expired: false });
        Self { source, server, current, reloading: tokio::sync::Mutex::new(()) }
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Value, Failure> {
        let answer = self.send(call).await?;
        let body = answer.into_body().collect_bytes().await.map_err(Failure::Transport)?;
        serde_json::from_slice(&body).map_err(Failure::Garbage)
    }

    /// Sends one request and returns the body of the answer, to be read as it arrives.
    pub(crate) async fn stream(&self, call: &Call) -> Result<Body, Failure> {
        Ok(self.send(call).await?.into_body())
    }

    async fn send(&self, call: &Call) -> Result<Response<Body>, Failure> {
        let (client, generation) = self.client().await.map_err(Failure::Credentials)?;
        let request = call.request().map_err(Failure::Malformed)?.map(Body::from);
        let answer = client.send(request).await.map_err(Failure::Transport)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        if head.status == http::StatusCode::UNAUTHORIZED {
            self.refused(generation);
        }
        Err(Failure::Refused(Refusal::read(head.status, &head.headers, body).await))
    }

    pub(crate) fn error(&self, call: &Call, failure: Failure) -> Error {
        classify(call, &self.server, failure)
    }

    /// Returns the client and its generation, reading the credentials again if they were refused.
    async fn client(&self) -> Result<(Client, u64)> {
        // 1. The ordinary case.
        if let Some(client) = self.accepted() {
            return Ok(client);
        }
        let Some(source) = &self.source else { return Ok(self.current()) };
        // 2. Wait for the turn. Another request may have read the credentials in the meantime.
        let _turn = self.reloading.lock().await;
        if let Some(client) = self.accepted() {
            return Ok(client);
        }
        // 3. Read them. They may be unchanged, and be refused again: that is one read per request,
        //    and the core decides when to send the next.
        tracing::info!(server = self.server, "credentials were refused, reading them again");
        let (client, _) = source.open().await?;
        let mut current = self.lock();
        current.generation += 1;
        current.expired = false;
        current.client = client;
        Ok((current.client.clone(), current.generation))
    }

    fn accepted(&self) -> Option<(Client, u64)> {
        let current = self.lock();
        (!current.expired).then(|| (current.client.clone(), current.generation))
    }

    fn current(&self) -> (Client, u64) {
        let current = self.lock();
        (current.client.clone(), current.generation)
    }

    fn refused(&self, generation: u64) {
        // A late refusal of an earlier client says nothing about the current one.
        let mut current = self.lock();
        if current.generation == generation {
            current.expired = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, server, .. } = self;
        f.debug_struct("Session")
            .field("source", source)
            .field("server", server)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use dsync::ErrorKind;
    use dsync::driver::{Key, KeyKind};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Accepts the token `new` only, and keeps the first line and the token of each request.
    async fn server() -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let tokens = Arc::clone(&seen);
        #[expect(clippy::disallowed_methods, reason = "a server for one test")]
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut some = [0; 1024];
                    let read = socket.read(&mut some).await.unwrap();
                    request.extend_from_slice(&some[..read]);
                }
                let request = String::from_utf8(request).unwrap();
                let token = request.split("Bearer ").nth(1).unwrap().lines().next().unwrap();
                tokens.lock().unwrap().push(token.to_owned());
                let (status, body) = match token {
                    "new" => ("200 OK", "{}"),
                    _ => (
                        "401 Unauthorized",
                        r#"{"kind":"Status","code":401,"reason":"Unauthorized"}"#,
                    ),
                };
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (port, seen)
    }

    fn write(path: &Path, port: u16, token: &str) {
        let text = format!(
            "current-context: a\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
         users: [{{name: u, user: {{token: {token}}}}}]\n"
        );
        std::fs::write(path, text).unwrap();
    }

    #[tokio::test]
    async fn refused_credentials_are_read_again_before_the_next_request() {
        let (port, tokens) = server().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        write(&path, port, "old");
        let session = Session::open(Source::find(Some(&path))).await.unwrap();
        let call = Call::get(&Key::new(KeyKind::Lock, "shop", "a")).unwrap();

        let error = session.error(&call, session.ask(&call).await.unwrap_err());
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unauthenticated, true));

        // The file is as it was, and then it is broken: errors, and no loop.
        session.ask(&call).await.unwrap_err();
        std::fs::write(&path, "{").unwrap();
        let error = session.error(&call, session.ask(&call).await.unwrap_err());
        assert!(error.to_string().contains("YAML") && !error.is_ambiguous(), "{error}");

        write(&path, port, "new");
        let (first, second) = tokio::join!(session.ask(&call), session.ask(&call));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(session.current().1, 2, "two requests read them once");
        assert_eq!(*tokens.lock().unwrap(), ["old", "old", "new", "new"]);
    }
}
