//! The connection for requests, which is replaced when it stops answering.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, ScriptInvocation};

use crate::classify::{Stage, classify};
use crate::master::Master;
use crate::record::Answer;

/// How long connecting may take. It is shorter than the time that the core allows for a request of an
/// ordinary lease, so that the error can say why there is no connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Shared by all requests to one server.
pub(crate) struct Session {
    master: Master,
    current: Mutex<Current>,
    /// Held while connecting: one request connects, the others wait for the result.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections.
    number: u64,
    closed: bool,
}

impl Session {
    pub(crate) fn new(master: Master) -> Self {
        Self { master, current: Mutex::default(), connecting: tokio::sync::Mutex::new(()) }
    }

    /// Returns a client of the current master.
    pub(crate) async fn client(&self) -> dsync::Result<Client> {
        self.master.client().await.map_err(|error| self.error(Stage::Connecting, &error))
    }

    /// Returns the address of the server for messages, without a password.
    pub(crate) fn server(&self) -> String {
        self.master.display_name()
    }

    /// Runs a script, once.
    ///
    /// The connection is replaced after the first request that it does not answer: the core has
    /// stopped waiting for that request, and would wait in vain for the next. Other requests on the
    /// old connection still receive their answers.
    pub(crate) async fn run(&self, script: &ScriptInvocation<'_>) -> dsync::Result<Answer> {
        let (mut connection, number) = self.connection().await?;
        // The core drops this future when its time is up. The guard covers that case, too.
        let unanswered = GiveUp { session: self, number };
        let answer = script.invoke_async(&mut connection).await;
        let answer = answer.map_err(|error| self.error(Stage::Sent, &error));
        if !answer.as_ref().is_err_and(is_server_failure) {
            std::mem::forget(unanswered);
        }
        answer
    }

    fn error(&self, stage: Stage, error: &RedisError) -> dsync::Error {
        classify(stage, &self.server(), error)
    }

    pub(crate) fn close(&self) {
        let mut current = self.lock();
        current.closed = true;
        current.connection = None;
    }

    async fn connection(&self) -> dsync::Result<(MultiplexedConnection, u64)> {
        // 1. The ordinary case.
        if let Some(connection) = self.connected()? {
            return Ok(connection);
        }
        // 2. Wait for the turn. Another request may have connected in the meantime.
        let _turn = self.connecting.lock().await;
        if let Some(connection) = self.connected()? {
            return Ok(connection);
        }
        // 3. Connect. The core limits every call, so responses have no limit here. Connecting has
        //    one, so that the error can name the cause: a server without TLS waits for more bytes
        //    and never answers the handshake.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(None);
        let client = self.client().await?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let made = connecting.await.map_err(|error| self.error(Stage::Connecting, &error))?;
        self.check_eviction_policy(made.clone()).await;
        // 4. The driver may have been closed while this request was connecting.
        let mut current = self.lock();
        if current.closed {
            return Err(closed());
        }
        current.number += 1;
        current.connection = Some(made.clone());
        Ok((made, current.number))
    }

    /// Warns, once, about a server that may evict leases when it runs out of memory.
    async fn check_eviction_policy(&self, mut connection: MultiplexedConnection) {
        if self.lock().number > 0 {
            return;
        }
        let server = self.server();
        let mut question = redis::cmd("CONFIG");
        question.arg("GET").arg("maxmemory-policy");
        match question.query_async::<Vec<String>>(&mut connection).await {
            Ok(answer) => match answer.get(1).map(String::as_str) {
                Some("noeviction") | None => {}
                Some(policy) => tracing::warn!(
                    target: "dsync",
                    server,
                    policy,
                    "the server may evict leases when it runs out of memory; set maxmemory-policy to noeviction"
                ),
            },
            // Most users lack this right, and the driver works without it.
            Err(error) => tracing::debug!(
                target: "dsync",
                server,
                %error,
                "cannot read maxmemory-policy; the server may evict leases"
            ),
        }
    }

    fn connected(&self) -> dsync::Result<Option<(MultiplexedConnection, u64)>> {
        let current = self.lock();
        if current.closed {
            return Err(closed());
        }
        Ok(current.connection.clone().map(|connection| (connection, current.number)))
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether the server failed, and not the request. The server may no longer be the master, or
/// its connection may be dead.
pub(crate) fn is_server_failure(error: &dsync::Error) -> bool {
    matches!(error.kind(), dsync::ErrorKind::Unavailable | dsync::ErrorKind::Internal)
        && redirect(error).is_none()
}

/// Returns the node that serves the slot, if the error is a `MOVED` redirection.
pub(crate) fn redirect(error: &dsync::Error) -> Option<&str> {
    let error = std::error::Error::source(error)?.downcast_ref::<RedisError>()?;
    let (node, _) = error.redirect_node().filter(|_| error.code() == Some("MOVED"))?;
    Some(node)
}

pub(crate) fn closed() -> dsync::Error {
    dsync::Error::definite(dsync::ErrorKind::Stopped, "the driver was closed")
}

/// Replaces the connection when it is dropped: the next request makes a new one.
struct GiveUp<'a> {
    session: &'a Session,
    number: u64,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        let mut current = self.session.lock();
        if current.number == self.number {
            current.connection = None;
        }
    }
}
