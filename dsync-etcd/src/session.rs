//! The connection to one member, which is replaced by one to the next member when it stops answering.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsync::{Error, ErrorKind, Result};
use etcd_client::{Client, Error as ClientError};
use tokio::time::timeout;

use crate::classify::{Stage, classify, no_connection};
use crate::options::EtcdOptions;
use crate::version::is_unsafe;

/// How long connecting may take before the next member is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Shared by all requests of a driver.
pub(crate) struct Session {
    options: EtcdOptions,
    current: Mutex<Current>,
    /// Held while connecting: one request connects, the others wait for the result.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    client: Option<Client>,
    /// Counts the attempts to connect. It also selects the member.
    number: usize,
    closed: bool,
}

/// A connection to a member.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    number: usize,
}

impl Session {
    pub(crate) fn new(options: EtcdOptions) -> Self {
        Self { options, current: Mutex::default(), connecting: tokio::sync::Mutex::new(()) }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.options.prefix
    }

    /// Makes one request.
    ///
    /// The connection is replaced after the first request that it does not answer: the core has
    /// stopped waiting for that request, and would wait in vain for the next.
    pub(crate) async fn ask<T, F>(&self, request: impl FnOnce(Client) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let connection = self.connection().await?;
        // The core drops this future when its time is up. The guard covers that case, too.
        let unanswered = GiveUp { session: self, number: connection.number };
        let answer = request(connection.client).await;
        let error = match answer {
            Ok(answer) => {
                std::mem::forget(unanswered);
                return Ok(answer);
            }
            Err(error) => self.error(connection.number, error),
        };
        // Every other error concerns the request, and another member would return the same.
        let is_of_member = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal);
        if !is_of_member {
            std::mem::forget(unanswered);
        }
        Err(error)
    }

    /// Returns the current connection, or a new one.
    pub(crate) async fn connection(&self) -> Result<Connection> {
        if let Some(connection) = self.connected()? {
            return Ok(connection);
        }
        let _turn = self.connecting.lock().await;
        let mut failed = None;
        // Try each member once. Nothing was sent to a member that could not be reached. Another
        // request may have connected while this one waited, so look again before each attempt.
        for _ in &self.options.endpoints {
            if let Some(connection) = self.connected()? {
                return Ok(connection);
            }
            match self.connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) if error.kind() == ErrorKind::Unavailable => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        let none = || Error::definite(ErrorKind::Invalid, "the options name no endpoint of etcd");
        Err(failed.unwrap_or_else(none))
    }

    /// Connects to the next member in turn.
    async fn connect(&self) -> Result<Connection> {
        let number = {
            let mut current = self.lock();
            current.number += 1;
            current.number
        };
        let endpoint = self.endpoint(number);
        let made = async {
            let mut client =
                Client::connect([endpoint], Some(self.options.connect_options())).await?;
            // `connect` is lazy; this request opens the connection.
            let status = client.status().await?;
            Ok((client, status.version().to_owned()))
        };
        let made = timeout(CONNECT_TIMEOUT, made).await.map_err(|_| {
            no_connection(endpoint, &format!("no answer within {CONNECT_TIMEOUT:?}"))
        })?;
        let (client, version) =
            made.map_err(|error| classify(Stage::Connecting, endpoint, error))?;
        if is_unsafe(&version) && !self.options.allows_unsafe_versions {
            let message = format!(
                "{endpoint} runs etcd {version}, which can keep a lease alive after the cluster has \
                 ended it: upgrade to 3.5.13, 3.4.31 or newer, or allow it with \
                 EtcdOptions::with_unsafe_versions_allowed"
            );
            return Err(Error::definite(ErrorKind::Unsupported, message));
        }
        // The driver may have been closed while this request was connecting.
        let mut current = self.lock();
        if current.closed {
            return Err(closed());
        }
        current.client = Some(client.clone());
        Ok(Connection { client, number })
    }

    pub(crate) fn error(&self, number: usize, error: ClientError) -> Error {
        classify(Stage::Sent, self.endpoint(number), error)
    }

    pub(crate) fn error_of(&self, connection: &Connection, error: ClientError) -> Error {
        self.error(connection.number, error)
    }

    pub(crate) fn endpoint_of(&self, connection: &Connection) -> &str {
        self.endpoint(connection.number)
    }

    fn endpoint(&self, number: usize) -> &str {
        let endpoints = &self.options.endpoints;
        endpoints.get(number % endpoints.len().max(1)).map_or("etcd", String::as_str)
    }

    /// Makes the next request open a new connection.
    pub(crate) fn give_up(&self, connection: &Connection) {
        self.forget(connection.number);
    }

    /// Forgets connection `number`, unless it was replaced already.
    fn forget(&self, number: usize) {
        let mut current = self.lock();
        if current.number == number {
            current.client = None;
        }
    }

    pub(crate) fn close(&self) {
        let mut current = self.lock();
        current.closed = true;
        current.client = None;
    }

    fn connected(&self) -> Result<Option<Connection>> {
        let current = self.lock();
        if current.closed {
            return Err(closed());
        }
        let number = current.number;
        Ok(current.client.clone().map(|client| Connection { client, number }))
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    Error::definite(ErrorKind::Stopped, "the driver was closed")
}

/// Forgets the connection when it is dropped: the next request makes a new one.
struct GiveUp<'a> {
    session: &'a Session,
    number: usize,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.session.forget(self.number);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.options).finish()
    }
}
