//! What is started here can be killed, paused and started again, and ends with its owner.
//!
//! Without a program to start, the tests are shown as ignored, and fail with `DSYNC_REQUIRE=all`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use control_plane::wait::{self, Look};
use test_servers::trials::{self, Test};
use test_servers::{EtcdOptions, RedisOptions, Server, etcd_own, redis_own};

/// The kind of server that this process starts, tells of, and holds until it is killed.
const OWNER_OF: &str = "DSYNC_TEST_OWNER_OF";

const TESTS: &[Test] = &[
    ("redis_can_be_paused_killed_and_started_again", || again(redis)),
    ("redis_does_not_outlive_its_owner", || orphan("redis")),
    ("etcd_can_be_paused_killed_and_started_again", || again(etcd)),
    ("etcd_does_not_outlive_its_owner", || orphan("etcd")),
];

fn redis() -> anyhow::Result<Server> {
    redis_own(&RedisOptions::default())
}

fn etcd() -> anyhow::Result<Server> {
    etcd_own(&EtcdOptions::default())
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(OWNER_OF) {
        let server = if name == "redis" { redis() } else { etcd() }.unwrap();
        println!("{}", server.address().unwrap());
        loop {
            std::thread::park();
        }
    }
    trials::run(TESTS, || redis().and_then(|_| etcd()).map(drop))
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

fn orphan(name: &str) {
    let program = std::env::current_exe().unwrap();
    let mut owner =
        Command::new(program).env(OWNER_OF, name).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address: SocketAddr = line.trim().parse().unwrap();
    assert!(accepts(address));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait::until("the server to end with its owner", Duration::from_secs(30), || {
        let there = accepts(address);
        Ok(if there { Look::NotYet("it accepts".to_owned()) } else { Look::Done(()) })
    })
    .unwrap();
}
