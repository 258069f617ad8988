//! The cluster, and drivers for it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use dsync::driver::Driver;
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::{Operator, ServerControl, Via};
use dsync_conformance::{Harness, candidate};
use dsync_etcd::{EtcdDriver, EtcdOptions};
use test_servers::Server;

use crate::control::LeaderControl;
use crate::operator::Etcd;

/// A cluster to test on.
#[derive(Debug)]
pub(crate) struct ServerHarness {
    url: String,
    server: Option<Arc<Server>>,
}

/// Passes the URL of the cluster to candidate processes.
const URL: &str = test_servers::etcd::ETCD_VARIABLE;
/// The number of members of a cluster that the tests start.
const MEMBERS: &str = "DSYNC_TEST_ETCD_MEMBERS";

impl ServerHarness {
    /// The cluster of a candidate process, which its parent has found. It is not contacted here, because it
    /// may be down at the moment.
    pub(crate) fn of_candidate() -> Option<Self> {
        std::env::var_os(candidate::VARIABLE)?;
        Some(Self { url: std::env::var(URL).ok()?, server: None })
    }

    pub(crate) fn find() -> anyhow::Result<Self> {
        let members = match std::env::var(MEMBERS) {
            Ok(text) => {
                text.parse().with_context(|| format!("{MEMBERS} is {text:?}, not a number"))?
            }
            Err(_) => 1,
        };
        let options = test_servers::EtcdOptions { members, ..Default::default() };
        let server = Arc::new(test_servers::etcd(&options)?);
        Ok(Self { url: server.url().to_owned(), server: Some(server) })
    }

    pub(crate) fn describe(&self) -> String {
        let Some(server) = &self.server else { return "etcd".to_owned() };
        match server.members() {
            0 => "etcd".to_owned(),
            1 => format!("etcd {}", server.version()),
            members => format!("etcd of {members} members {}", server.version()),
        }
    }

    fn endpoints(&self) -> Vec<String> {
        let hosts = self.url.trim_start_matches("etcd://").split(',');
        hosts.map(|host| format!("http://{host}")).collect()
    }
}

pub(crate) fn internal(error: &dyn fmt::Display) -> Error {
    Error::ambiguous(ErrorKind::Internal, error.to_string())
}

#[async_trait]
impl Harness for ServerHarness {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        let options = match via {
            Via::Direct => EtcdOptions::from_url(&self.url)?,
            Via::Proxy(address) => EtcdOptions::new([format!("http://{address}")]),
        };
        Ok(Arc::new(EtcdDriver::open(options)?))
    }

    fn server(&self) -> Option<String> {
        Some(self.describe())
    }

    fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref()?.address()
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        Some(Arc::new(Etcd(self.endpoints())))
    }

    fn server_control(&self) -> Option<Arc<dyn ServerControl>> {
        let server = self.server.as_ref().filter(|server| server.is_controllable())?;
        Some(Arc::new(LeaderControl::new(Arc::clone(server), self.endpoints())))
    }

    fn environment(&self) -> Option<Vec<(String, String)>> {
        Some(vec![(URL.to_owned(), self.url.clone())])
    }
}
