//! The drivers, and the commands that test them.

use std::process::Command;

use anyhow::Result;

use super::cluster::{Cluster, Site};
use super::place::Place;
use super::request::Request;
use super::{SLACK, commit, commit_under_test, shell};
use crate::cargo::{cargo, root};

/// A driver. To add one, write its `test` and add a line to [`DRIVERS`].
pub(super) struct Driver {
    pub(super) name: &'static str,
    /// Whether it is tested on the cluster of `--cluster`.
    pub(super) needs_cluster: bool,
    /// Runs the tests, and writes parts to the driver's directory. Returns whether all have passed.
    pub(super) test: fn(&Request, &Place) -> Result<bool>,
}

pub(super) const DRIVERS: &[Driver] = &[
    Driver { name: "mock", needs_cluster: false, test: mock },
    Driver { name: "kube", needs_cluster: true, test: kube },
    Driver { name: "redis", needs_cluster: false, test: redis },
    Driver { name: "etcd", needs_cluster: false, test: etcd },
];

/// The default of `--for`: long enough for every kind of fault, and short enough to wait for.
const SIMULATION_SECONDS: u64 = 10;

/// Returns the command of the simulation: random schedules in virtual time.
pub(crate) fn simulate() -> Command {
    cargo([
        "run",
        "--quiet",
        "--release",
        "--locked",
        "-p",
        "dsync-conformance",
        "--bin",
        "simulate",
        "--",
    ])
}

/// Runs schedules in virtual time, then the suite's own test of the in-memory store.
fn mock(request: &Request, place: &Place) -> Result<bool> {
    let parts = place.of("mock")?;
    let seconds = request.length.map_or(SIMULATION_SECONDS, |length| length.as_secs());
    let mut command = simulate();
    command.envs(commit_under_test().map(|commit| (commit::VARIABLE, commit)));
    command.args(["--for", &seconds.to_string(), "--seed", &request.seed.to_string()]);
    command.arg("--failures").arg(place.failures());
    command.arg("--report").arg(parts.join("simulation.json"));
    let corpus = root().join("dsync-conformance/corpus");
    if corpus.is_dir() {
        command.arg("--corpus").arg(corpus);
    }
    let limit = request.length.unwrap_or_default() + SLACK;
    let simulated = shell::run(&command, limit, |_| {})?;

    let mut command = suite("dsync-conformance", "mock", request);
    command.env("DSYNC_CONFORMANCE_REPORT", &parts);
    Ok(shell::run(&command, limit, |_| {})? && simulated)
}

/// Runs the suite's test of `dsync-kube` on a cluster.
fn kube(request: &Request, place: &Place) -> Result<bool> {
    let site = Site::find(request.cluster, request.kind_image.as_deref())?;
    let mut command = suite("dsync-kube", "conformance", request);
    command.env("DSYNC_CONFORMANCE_REPORT", place.of("kube")?).env("DSYNC_REQUIRE", "all");
    for (name, value) in site.environment() {
        command.env(name, value);
    }
    if request.cluster == Cluster::Kind {
        // The nodes share the CPUs of this machine with the tests.
        command.args(["--", "--test-threads", "4"]);
    }
    let passed = shell::run(&command, request.length.unwrap_or_default() + SLACK, |_| {});
    // Delete the cluster whether the test passed or not.
    site.end()?;
    passed
}

/// Runs the suite's test of `dsync-redis`, on the server of `DSYNC_TEST_REDIS` or a temporary one.
fn redis(request: &Request, place: &Place) -> Result<bool> {
    server(request, place, "dsync-redis", "redis")
}

/// Runs the suite's test of `dsync-etcd`, on the cluster of `DSYNC_TEST_ETCD` or a temporary one.
fn etcd(request: &Request, place: &Place) -> Result<bool> {
    server(request, place, "dsync-etcd", "etcd")
}

/// Runs a test that finds or starts its own server.
fn server(request: &Request, place: &Place, package: &str, name: &str) -> Result<bool> {
    let mut command = suite(package, "conformance", request);
    command.env("DSYNC_CONFORMANCE_REPORT", place.of(name)?).env("DSYNC_REQUIRE", "all");
    shell::run(&command, request.length.unwrap_or_default() + SLACK, |_| {})
}

/// Returns the command for a test target that runs the suite.
fn suite(package: &str, target: &str, request: &Request) -> Command {
    let mut command = cargo(["test", "--locked", "-p", package, "--test", target]);
    command.env("DSYNC_CONFORMANCE_SEED", request.seed.to_string());
    command.envs(commit_under_test().map(|commit| (commit::VARIABLE, commit)));
    if let Some(members) = request.members {
        command.env("DSYNC_TEST_ETCD_MEMBERS", members.to_string());
    }
    if let Some(worlds) = request.worlds {
        command.env("DSYNC_CONFORMANCE_WORLDS", worlds.to_string());
    }
    if let Some(length) = request.length {
        command.env("DSYNC_CONFORMANCE_FOR", length.as_secs().to_string());
    }
    command
}
