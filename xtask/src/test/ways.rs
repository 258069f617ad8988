//! The ways to provide Redis and etcd that stage `test` has not taken.
//!
//! That stage takes one way for all tests, as a rule programs on PATH.

use std::process::Command;

use anyhow::{Context as _, Result};
use test_servers::{EtcdOptions, RedisOptions, Server, docker};

use super::cargo::cargo;
use crate::images;
use crate::output::say;

const DRIVERS: [&str; 4] = ["-p", "dsync-redis", "-p", "dsync-etcd"];

/// Returns why no containers can be started here, if so.
pub(super) fn trouble() -> Option<String> {
    docker::engine().err().map(|error| format!("{error:#}"))
}

/// The tests on servers in containers: those of the drivers, the suite on them, and those of
/// `test-servers`.
pub(super) fn containers() -> Command {
    let mut command = servers_alone();
    command.args(DRIVERS).args(["--test", "server", "--test", "conformance"]);
    command
}

/// In containers: the tests of what starts the servers.
pub(super) fn servers_alone() -> Command {
    let mut command = tests("docker");
    match images::make() {
        Ok(images) => {
            command.envs(images.map(|image| (image.variable, image.name)));
        }
        // Then they are pulled, or the tests fail and name what is missing.
        Err(error) => say(&format!("no images of the programs of this machine: {error:#}\n")),
    }
    command.args(["-p", "test-servers", "--test", "own"]);
    command
}

/// The suite on servers that are named by URLs. They run until the second value is dropped. The other
/// tests start servers of their own, which this way does not allow.
pub(super) fn urls() -> Result<(Command, [Server; 2])> {
    let redis = test_servers::redis_own(&RedisOptions::default()).context("no Redis")?;
    let etcd = test_servers::etcd_own(&EtcdOptions::default()).context("no etcd")?;
    let mut command = tests("url");
    command.args(DRIVERS).args(["--test", "conformance"]);
    command.env(test_servers::redis::REDIS_VARIABLE, redis.url());
    command.env(test_servers::etcd::ETCD_VARIABLE, etcd.url());
    Ok((command, [redis, etcd]))
}

fn tests(way: &str) -> Command {
    let mut command = cargo(["test", "--locked", "--no-fail-fast"]);
    command.env("DSYNC_TEST_WAY", way).env("DSYNC_REQUIRE", "all");
    // Stage `test` runs the suite long enough to find violations. This one shows that the way works.
    command.env("DSYNC_CONFORMANCE_FOR", "20");
    command
}
