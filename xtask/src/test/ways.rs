//! Tests with Redis and etcd provided in ways that stage `test` does not use.
//!
//! That stage uses one way for all tests, usually programs on PATH.

use std::process::Command;

use anyhow::{Context as _, Result};
use test_servers::{EtcdOptions, RedisOptions, Server, docker, etcd, redis};

use super::stages::ALL_TESTS;
use crate::built::Built;
use crate::cargo::{cargo, root};
use crate::images;
use crate::shell;

/// Returns the reason why containers cannot be started here, if any.
pub(super) fn trouble() -> Option<String> {
    docker::engine().err().map(|error| format!("{error:#}"))
}

/// Returns the images for servers in containers, by variable: those that are set, or images that are
/// built from local programs.
///
/// # Errors
///
/// If a server has no image and no local program.
pub(super) fn images() -> Result<Vec<(&'static str, String)>> {
    let set = |variable| Some((variable, std::env::var(variable).ok()?));
    let set: Option<Vec<_>> =
        [redis::IMAGE_VARIABLE, etcd::IMAGE_VARIABLE].into_iter().map(set).collect();
    match set {
        Some(set) => Ok(set),
        None => Ok(images::make()?.map(|image| (image.variable, image.name.to_owned())).into()),
    }
}

/// Servers whose URLs are passed to the tests. They run until the value is dropped.
pub(super) struct Named([(&'static str, Server); 2]);

impl Named {
    pub(super) fn start() -> Result<Self> {
        let redis = test_servers::redis_own(&RedisOptions::default()).context("no Redis")?;
        let etcd = test_servers::etcd_own(&EtcdOptions::default()).context("no etcd")?;
        Ok(Self([(redis::REDIS_VARIABLE, redis), (etcd::ETCD_VARIABLE, etcd)]))
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        self.0.iter().map(|(variable, server)| (*variable, server.url().to_owned())).collect()
    }
}

/// Runs test programs of the workspace, each given as its package and its target. They were built
/// by stage `build`: Cargo compiles nothing for them, as it would for a selection of packages,
/// whose dependencies need fewer features.
pub(super) fn run(
    way: &str,
    variables: &[(&'static str, String)],
    tests: &[(&str, &str)],
) -> Result<bool> {
    let root = root();
    let Some(built) = Built::by(&mut cargo(ALL_TESTS.iter().chain(&["--no-run"])), &root)? else {
        return Ok(false);
    };
    let mut passed = true;
    for (package, target) in tests {
        let folder = root.join(package);
        let mut command = Command::new(built.program(&folder, target)?);
        command.current_dir(folder).envs(variables.iter().map(|(name, value)| (name, value)));
        command.env("DSYNC_TEST_WAY", way).env("DSYNC_REQUIRE", "all");
        // Stage `test` runs the suite long enough to find violations. This one shows that the way
        // works.
        command.env("DSYNC_CONFORMANCE_FOR", "20");
        passed &= shell::run(&command, shell::LIMIT, |_| {})?;
    }
    Ok(passed)
}
