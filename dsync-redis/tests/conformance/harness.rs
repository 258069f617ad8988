//! The server, and drivers for it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use dsync::driver::Driver;
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::{Operator, ServerControl, Via};
use dsync_conformance::{Harness, candidate};
use dsync_redis::RedisDriver;
use test_servers::Way;

use crate::control::{self, Pair};
use crate::operator::Redis;

/// A server to test on.
#[derive(Debug)]
pub(crate) struct ServerHarness {
    url: String,
    /// The server and its version, for the report.
    name: String,
    /// `None` if the server was not started by the tests.
    pair: Option<Arc<Pair>>,
    address: Option<SocketAddr>,
}

/// Passes the URL of the server to candidate processes.
const URL: &str = test_servers::redis::REDIS_VARIABLE;

impl ServerHarness {
    /// The server of a candidate process, which its parent has found. It is not contacted here, because it
    /// may be down at the moment.
    pub(crate) fn of_candidate() -> Option<Self> {
        std::env::var_os(candidate::VARIABLE)?;
        let name = "redis-server".to_owned();
        Some(Self { url: std::env::var(URL).ok()?, name, pair: None, address: None })
    }

    pub(crate) fn find() -> anyhow::Result<Self> {
        let server = test_servers::redis(&control::options())?;
        if server.way() == Way::Url {
            let (url, address) = (server.url().to_owned(), server.address());
            return Ok(Self { url, name: "redis-server".to_owned(), pair: None, address });
        }
        let pair = Pair::start(server)?;
        let (address, url) = (Some(pair.address()), format!("redis://{}", pair.address()));
        let name = format!("redis-server {} with a replica", pair.version());
        Ok(Self { url, name, pair: Some(Arc::new(pair)), address })
    }

    pub(crate) fn describe(&self) -> &str {
        &self.name
    }
}

pub(crate) fn internal(error: &dyn fmt::Display) -> Error {
    Error::ambiguous(ErrorKind::Internal, error.to_string())
}

#[async_trait]
impl Harness for ServerHarness {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        let driver = match via {
            Via::Direct => RedisDriver::open(&self.url)?,
            Via::Proxy(address) => RedisDriver::open(&format!("redis://{address}"))?,
        };
        Ok(Arc::new(driver))
    }

    fn server(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        // A client of one server cannot operate a cluster.
        let client = redis::Client::open(self.url.as_str()).ok()?;
        Some(Arc::new(Redis(client)))
    }

    fn server_control(&self) -> Option<Arc<dyn ServerControl>> {
        let pair = Arc::clone(self.pair.as_ref()?);
        Some(pair)
    }

    fn environment(&self) -> Option<Vec<(String, String)>> {
        Some(vec![(URL.to_owned(), self.url.clone())])
    }
}
