//! Each way in which the tests get their Redis and their etcd.
//!
//! Stage `test` takes one of them, which `DSYNC_TEST_WAY` may name.

use std::process::Command;

use anyhow::{Context as _, Result};
use test_servers::{EtcdOptions, RedisOptions, Server, docker};

use super::cargo::cargo;
use crate::images;
use crate::output::say;

const DRIVERS: [&str; 4] = ["-p", "dsync-redis", "-p", "dsync-etcd"];

/// Why there can be no containers here.
pub(super) fn trouble() -> Option<String> {
    docker::engine().err().map(|error| format!("{error:#}"))
}

/// In containers: all tests of the drivers, and of what starts the servers.
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
        // Then they are pulled, or the tests say that they cannot be had.
        Err(error) => say(&format!("no images of the programs of this machine: {error:#}\n")),
    }
    command.args(["-p", "test-servers", "--test", "own"]);
    command
}

/// Somebody else's servers, which are here until the second value goes: the suite alone, as the
/// other tests set up servers of their own.
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
    // What is new here is the way. Stage `test` has looked for violations at length.
    command.env("DSYNC_CONFORMANCE_FOR", "20");
    command
}
