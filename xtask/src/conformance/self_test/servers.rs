//! The servers that tests of drivers need.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use test_servers::{EtcdOptions, RedisOptions};

/// The test of a driver that is the suite.
pub(super) const CONFORMANCE: &str = "conformance";
/// The test of a driver that sets up servers of its own.
pub(super) const SERVER: &str = "server";

const REDIS: &str = "dsync-redis";
const ETCD: &str = "dsync-etcd";

/// What is known of servers: why they cannot be had, by the driver and its test.
#[derive(Debug, Default)]
pub(super) struct Servers(BTreeMap<(&'static str, &'static str), Option<String>>);

impl Servers {
    /// Returns why `test` of a driver has no server, with how to get one. `None`: it has.
    ///
    /// Looks for it once. To build or to pull it may take minutes, and a test is not given so much.
    pub(super) fn trouble(&mut self, package: &'static str, test: &'static str) -> Option<String> {
        let look = || find(package, test).err().map(|error| format!("{error:#}"));
        self.0.entry((package, test)).or_insert_with(look).clone()
    }
}

/// Starts a server as the test does, and ends it.
fn find(package: &str, test: &str) -> Result<()> {
    let (redis, etcd) = (RedisOptions::default(), EtcdOptions::default());
    match (package, test) {
        (REDIS, SERVER) => test_servers::redis_own(&redis),
        (REDIS, _) => test_servers::redis(&redis),
        (ETCD, SERVER) => test_servers::etcd_own(&etcd),
        (ETCD, _) => test_servers::etcd(&etcd),
        _ => bail!("{package} has no server in xtask/src/conformance/self_test/servers.rs"),
    }
    .map(drop)
}
