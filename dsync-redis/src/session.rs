//! The connection for requests, replaced when it is not to be trusted any more.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, ScriptInvocation};

use crate::classify::{Stage, classify};
use crate::master::Master;
use crate::record::Answer;

/// How long a connection may take to be made. The requests of an ordinary lease may take longer.
const CONNECTING: Duration = Duration::from_millis(1500);

/// Shared by all requests to one server.
pub(crate) struct Session {
    master: Master,
    current: Mutex<Current>,
    /// One at a time connects; the others wait for it.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// How many there were before.
    number: u64,
    closed: bool,
}

impl Session {
    pub(crate) fn new(master: Master) -> Self {
        Self { master, current: Mutex::default(), connecting: tokio::sync::Mutex::new(()) }
    }

    /// A client of the server that is the master now.
    pub(crate) async fn client(&self) -> dsync::Result<Client> {
        self.master.client().await.map_err(|error| self.error(Stage::Connecting, &error))
    }

    /// Where the server is, without a password.
    pub(crate) fn server(&self) -> String {
        self.master.shown()
    }

    /// Runs a script, once.
    ///
    /// A connection is given up with the first request that it does not answer: whoever asked has
    /// stopped waiting, and so would the next. Other requests on it still get their answers.
    pub(crate) async fn run(&self, script: &ScriptInvocation<'_>) -> dsync::Result<Answer> {
        let (mut connection, number) = self.connection().await?;
        let unanswered = GiveUp { session: self, number };
        let answer = script.invoke_async(&mut connection).await;
        let answer = answer.map_err(|error| self.error(Stage::Sent, &error));
        if !answer.as_ref().is_err_and(is_of_server) {
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
        if let Some(connection) = self.connected()? {
            return Ok(connection);
        }
        let _one = self.connecting.lock().await;
        if let Some(connection) = self.connected()? {
            return Ok(connection);
        }
        // The core limits every call, so answers have no limit here. Connecting has one, so that
        // what is wrong can be told: a server that does not speak TLS just waits for more.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(None);
        let client = self.client().await?;
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let made = connecting.await.map_err(|error| self.error(Stage::Connecting, &error))?;
        self.look_at_settings(made.clone()).await;
        let mut current = self.lock();
        if current.closed {
            return Err(closed());
        }
        current.number += 1;
        current.connection = Some(made.clone());
        Ok((made, current.number))
    }

    /// Warns, once, of a server that throws leases away when it needs memory.
    async fn look_at_settings(&self, mut connection: MultiplexedConnection) {
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
                    "the server may evict leases when memory is short: set maxmemory-policy to noeviction"
                ),
            },
            // Few may ask. What the server does is unknown then, and no worse for it.
            Err(error) => tracing::debug!(
                target: "dsync",
                server,
                %error,
                "whether the server may evict leases is unknown"
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

/// Whether a server cannot serve just now. It may not be the master any more, and its connection may
/// be of no use.
pub(crate) fn is_of_server(error: &dsync::Error) -> bool {
    matches!(error.kind(), dsync::ErrorKind::Unavailable | dsync::ErrorKind::Internal)
        && redirect(error).is_none()
}

/// The node that serves the slot instead, where the server has said so.
pub(crate) fn redirect(error: &dsync::Error) -> Option<&str> {
    let error = std::error::Error::source(error)?.downcast_ref::<RedisError>()?;
    let (node, _) = error.redirect_node().filter(|_| error.code() == Some("MOVED"))?;
    Some(node)
}

pub(crate) fn closed() -> dsync::Error {
    dsync::Error::definite(dsync::ErrorKind::Stopped, "the driver was closed")
}

/// Gives up the connection when it is dropped.
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
