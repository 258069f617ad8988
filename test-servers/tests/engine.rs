//! A Docker engine that cannot run the tests is reported in one line, and the next way is taken, or
//! `DSYNC_TEST_WAY=docker` fails with that line.
//!
//! The engines are fake ones: servers on a Unix socket that answer as such an engine does. The next
//! way takes a `redis-server` on PATH; without one the tests are shown as ignored, and fail with
//! `DSYNC_REQUIRE=all`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

#[path = "engine/fake.rs"]
mod fake;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use test_servers::trials::{self, Test};
use test_servers::{RedisOptions, redis, redis_own};

use self::fake::{Engine, Reply};

/// Set where this process is to start a Redis and to print in which way.
const PROBE: &str = "DSYNC_TEST_PROBE";

const TESTS: &[Test] = &[
    ("an_engine_with_an_old_api_is_reported", old),
    ("an_engine_that_refuses_the_api_is_reported", refusing),
    ("an_engine_in_a_virtual_machine_is_reported", elsewhere),
    ("an_engine_that_hangs_is_given_up", hanging),
    ("a_missing_engine_is_reported", missing),
];

fn main() -> ExitCode {
    if std::env::var_os(PROBE).is_some() {
        return match redis_own(&RedisOptions::default()) {
            Ok(server) => {
                println!("{:?}", server.way());
                ExitCode::SUCCESS
            }
            Err(error) => {
                println!("{error:#}");
                ExitCode::FAILURE
            }
        };
    }
    trials::run(TESTS, || redis::program().map(drop))
}

fn old() {
    let engine = Engine::start(Reply::version("19.03.15", "1.40"), Reply::info("Debian", "6.1"));
    assert_reported(&engine.socket, |host| {
        format!(
            "the Docker engine 19.03.15 at {host} has API \"1.40\"; testcontainers needs 1.41 or newer \
             (Docker 20.10)"
        )
    });
}

fn refusing() {
    let message = "client version 1.53 is too new. Maximum supported API version is 1.41";
    let engine = Engine::start(Reply::error(400, message), Reply::info("Debian", "6.1"));
    assert_reported(&engine.socket, |host| {
        format!(
            "the Docker engine at {host} refuses testcontainers, which needs API 1.53: {message}"
        )
    });
}

fn elsewhere() {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let kernel = kernel.trim();
    for (system, theirs) in [("Docker Desktop", kernel), ("Alpine Linux", "6.6.0-virtual")] {
        let engine = Engine::start(Reply::version("29.3.0", "1.54"), Reply::info(system, theirs));
        assert_reported(&engine.socket, |host| {
            format!(
                "the Docker engine 29.3.0 at {host} ({system}) does not run on this machine's \
                 kernel, {kernel}, but on {theirs}; its containers cannot share the network of this machine"
            )
        });
    }
}

fn hanging() {
    let engine = Engine::start(Reply::Never, Reply::Never);
    let started = Instant::now();
    assert_reported(&engine.socket, |host| {
        format!("the Docker engine at {host} does not answer within 10s")
    });
    // Twice 10 seconds, and the start of one server on a busy machine.
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}

fn missing() {
    let folder = tempfile::tempdir().unwrap();
    assert_reported(&folder.path().join("none"), |host| {
        format!("no Docker engine answers at {host}; start one (`dockerd`, as root): ")
    });
}

/// Asserts that both a start in any way and one in a container alone report `line` of the engine at
/// `socket`, in one line.
fn assert_reported(socket: &Path, line: impl FnOnce(&str) -> String) {
    let host = format!("unix://{}", socket.display());
    let line = line(&host);

    let (passed, way, stderr) = probe(&host, "");
    let note = format!("note: redis-server runs outside of a container: {line}");
    let notes: Vec<_> = stderr.lines().filter(|line| line.starts_with("note: ")).collect();
    assert!(passed && way.trim() == "Binary", "{way}{stderr}");
    assert!(matches!(notes[..], [only] if only.starts_with(&note)), "{stderr}");

    let (passed, error, stderr) = probe(&host, "docker");
    assert!(!passed, "{error}{stderr}");
    assert!(error.starts_with(&line) && error.lines().count() == 1, "{error}");
}

/// Starts a Redis in another process. Returns whether it could, and its output.
fn probe(host: &str, way: &str) -> (bool, String, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .env(PROBE, "1")
        .env("DOCKER_HOST", host)
        .env("DSYNC_TEST_WAY", way)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}
