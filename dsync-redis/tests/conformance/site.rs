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
pub(crate) struct Site {
    url: String,
    /// What is known of the server.
    name: String,
    /// None: it is somebody else's.
    own: Option<Arc<Pair>>,
    address: Option<SocketAddr>,
}

/// Where the server is, for candidates in processes of their own.
const URL: &str = test_servers::redis::REDIS_VARIABLE;

impl Site {
    /// The server of a candidate, which its parent has found. Nothing is asked of it: it may be
    /// down just now.
    pub(crate) fn of_candidate() -> Option<Self> {
        std::env::var_os(candidate::VARIABLE)?;
        let name = "redis-server".to_owned();
        Some(Self { url: std::env::var(URL).ok()?, name, own: None, address: None })
    }

    pub(crate) fn find() -> anyhow::Result<Self> {
        let server = test_servers::redis(&control::options())?;
        if server.way() == Way::Url {
            let (url, address) = (server.url().to_owned(), server.address());
            return Ok(Self { url, name: "redis-server".to_owned(), own: None, address });
        }
        let pair = Pair::start(server)?;
        let (address, url) = (Some(pair.address()), format!("redis://{}", pair.address()));
        let name = format!("redis-server {} with a replica", pair.version());
        Ok(Self { url, name, own: Some(Arc::new(pair)), address })
    }

    pub(crate) fn describe(&self) -> &str {
        &self.name
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
        Some(self.name.clone())
    }

    fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        // A client of one server does not do for a cluster.
        let client = redis::Client::open(self.url.as_str()).ok()?;
        Some(Arc::new(Redis(client)))
    }

    fn server_control(&self) -> Option<Arc<dyn ServerControl>> {
        let pair = Arc::clone(self.own.as_ref()?);
        Some(pair)
    }

    fn environment(&self) -> Option<Vec<(String, String)>> {
        Some(vec![(URL.to_owned(), self.url.clone())])
    }
}
