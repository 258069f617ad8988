//! The client of the API server, replaced when its credentials are not accepted any more.

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
    /// `None`: the user gave the client, so it stays as it is.
    source: Option<Source>,
    server: String,
    current: Mutex<Current>,
    /// One at a time reads the credentials again; the others wait for the result.
    reloading: tokio::sync::Mutex<()>,
}

struct Current {
    client: Client,
    generation: u64,
    /// Its credentials were refused.
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

    /// Sends one request and gives the body of the answer as it comes.
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

    async fn client(&self) -> Result<(Client, u64)> {
        if let Some(client) = self.accepted() {
            return Ok(client);
        }
        let Some(source) = &self.source else { return Ok(self.any()) };
        let _one = self.reloading.lock().await;
        if let Some(client) = self.accepted() {
            return Ok(client);
        }
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

    fn any(&self) -> (Client, u64) {
        let current = self.lock();
        (current.client.clone(), current.generation)
    }

    fn refused(&self, generation: u64) {
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
mod tests;
