//! The server, and drivers for it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use dsync::driver::Driver;
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::{Operator, ServerControl, Via};
use dsync_conformance::{Harness, candidate};
use dsync_redis::RedisDriver;
use test_servers::{RedisOptions, Server};

use crate::control::Own;
use crate::operator::Redis;

/// A server to test on.
#[derive(Debug)]
pub(crate) struct Site {
    url: String,
    server: Option<Arc<Server>>,
}

/// Where the server is, for candidates in processes of their own.
const URL: &str = test_servers::redis::REDIS_VARIABLE;

impl Site {
    /// The server of a candidate, which its parent has found. Nothing is asked of it: it may be
    /// down just now.
    pub(crate) fn of_candidate() -> Option<Self> {
        std::env::var_os(candidate::VARIABLE)?;
        Some(Self { url: std::env::var(URL).ok()?, server: None })
    }

    pub(crate) fn find() -> anyhow::Result<Self> {
        // What was acknowledged is there after a kill; what it is to forget, it is told.
        let options = RedisOptions { persistent: true, ..RedisOptions::default() };
        let server = Arc::new(test_servers::redis(&options)?);
        Ok(Self { url: server.url().to_owned(), server: Some(server) })
    }

    pub(crate) fn describe(&self) -> String {
        let version = self.server.as_ref().map_or("", |server| server.version());
        format!("redis-server {version}").trim_end().to_owned()
    }
}

pub(crate) fn wrong(error: &dyn fmt::Display) -> Error {
    Error::ambiguous(ErrorKind::Internal, error.to_string())
}

#[async_trait]
impl Harness for Site {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        let driver = match via {
            Via::Direct => RedisDriver::open(&self.url)?,
            Via::Proxy(address) => RedisDriver::open(&format!("redis://{address}"))?,
        };
        Ok(Arc::new(driver))
    }

    fn server(&self) -> Option<String> {
        Some(self.describe())
    }

    fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref()?.address()
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        // None has a client for a cluster, whose keys are here and there.
        let client = redis::Client::open(self.url.as_str()).ok()?;
        Some(Arc::new(Redis(client)))
    }

    fn server_control(&self) -> Option<Arc<dyn ServerControl>> {
        let server = self.server.as_ref().filter(|server| server.is_controllable())?;
        Some(Arc::new(Own(Arc::clone(server))))
    }

    fn environment(&self) -> Option<Vec<(String, String)>> {
        Some(vec![(URL.to_owned(), self.url.clone())])
    }
}
