//! The servers that tests of drivers need.

use anyhow::{Result, bail};
use test_servers::{EtcdOptions, RedisOptions};

/// The test of a driver that is the suite.
pub(super) const CONFORMANCE: &str = "conformance";
/// The test of a driver that sets up servers of its own.
pub(super) const SERVER: &str = "server";

const REDIS: &str = "dsync-redis";
const ETCD: &str = "dsync-etcd";

/// Starts a server as `test` of a driver does, once, and ends it.
///
/// # Errors
///
/// If it cannot be had, with how to get it.
pub(super) fn find(package: &str, test: &str) -> Result<()> {
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
