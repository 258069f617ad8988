//! A server that a test starts can be killed, paused and started again, and does not outlive its
//! owner for long: a program ends at once, a container when the next one is started.
//!
//! Without a program to start, the tests are shown as ignored, and fail with `DSYNC_REQUIRE=all`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

#[path = "own/container.rs"]
mod container;
#[path = "own/owner.rs"]
mod owner;
#[path = "own/program.rs"]
mod program;

use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use test_servers::trials::{self, Test};
use test_servers::{EtcdOptions, RedisOptions, Server, Way, etcd_own, redis_own};

const PROGRAMS: &[Test] = &[
    ("redis_can_be_paused_killed_and_started_again", || again(redis)),
    ("etcd_can_be_paused_killed_and_started_again", || again(etcd)),
    ("an_error_shows_the_end_of_the_log", log),
    ("redis_ends_with_its_owner", || program::orphan("redis")),
    ("etcd_ends_with_its_owner", || program::orphan("etcd")),
];

const CONTAINERS: &[Test] = &[
    ("redis_can_be_paused_killed_and_started_again", || again(redis)),
    ("etcd_can_be_paused_killed_and_started_again", || again(etcd)),
    ("an_error_shows_the_end_of_the_log", log),
    ("the_next_start_removes_a_redis_whose_owner_was_killed", || container::orphan("redis")),
    ("the_next_start_removes_an_etcd_whose_owner_was_killed", || container::orphan("etcd")),
    ("a_start_leaves_the_containers_of_others_alone", container::others),
];

fn redis() -> anyhow::Result<Server> {
    redis_own(&RedisOptions::default())
}

fn etcd() -> anyhow::Result<Server> {
    etcd_own(&EtcdOptions::default())
}

fn main() -> ExitCode {
    if let Some(name) = owner::asked_for() {
        owner::run(if name == "redis" { redis } else { etcd });
        return ExitCode::SUCCESS;
    }
    let found = redis().and_then(|server| etcd().map(|_| server.way()));
    let in_containers = matches!(found, Ok(Way::Docker));
    trials::run(if in_containers { CONTAINERS } else { PROGRAMS }, || found.map(drop))
}

fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

fn again(start: fn() -> anyhow::Result<Server>) {
    let server = start().unwrap();
    let address = server.address().unwrap();
    server.pause(0).unwrap();
    server.resume(0).unwrap();
    server.pause(0).unwrap();
    server.kill(0).unwrap();
    assert!(!accepts(address), "{} is killed, and {address} accepts", server.url());
    server.kill(0).unwrap_err();
    server.start(0).unwrap();
    server.start(0).unwrap_err();
    server.forget().unwrap();
    assert!(accepts(address));
    drop(server);
    assert!(!accepts(address), "the server was dropped, and {address} accepts");
}

fn log() {
    let arguments = ["--no-such-option", "7"].map(str::to_owned).to_vec();
    let error = redis_own(&RedisOptions { arguments, ..Default::default() }).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("redis-server ended by itself"), "{text}");
    assert!(text.contains("no-such-option"), "{text}");
}
