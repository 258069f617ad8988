//! What is started here can be killed, paused and started again, and ends with its owner.
//!
//! Without a program to start, the tests are shown as ignored, and fail with `DSYNC_REQUIRE=all`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use control_plane::wait::{self, Look};
use libtest_mimic::{Arguments, Trial};
use test_servers::{EtcdOptions, RedisOptions, Server, etcd_own, redis_own};

/// The kind of server that this process starts, tells of, and holds until it is killed.
const OWNER_OF: &str = "DSYNC_TEST_OWNER_OF";

type Start = fn() -> anyhow::Result<Server>;

const SERVERS: [(&str, Start); 2] = [
    ("redis", || redis_own(&RedisOptions::default())),
    ("etcd", || etcd_own(&EtcdOptions::default())),
];

type Test = fn(&str, Start);

const TESTS: [(&str, Test); 2] =
    [("can_be_paused_killed_and_started_again", again), ("does_not_outlive_its_owner", orphan)];

fn main() -> ExitCode {
    let start = |name: &str| SERVERS.iter().find(|(known, _)| *known == name).unwrap().1;
    if let Ok(name) = std::env::var(OWNER_OF) {
        let server = start(&name)().unwrap();
        println!("{}", server.address().unwrap());
        loop {
            std::thread::park();
        }
    }
    let arguments = Arguments::from_args();
    let required = std::env::var("DSYNC_REQUIRE").is_ok_and(|what| what == "all");
    let mut trials = Vec::new();
    for (name, start) in SERVERS {
        let found = if arguments.list { Ok(()) } else { start().map(drop) };
        if let Err(error) = &found {
            eprintln!("NOT RUN: {error:#}");
        }
        for (test, run) in TESTS {
            let error = found.as_ref().err().map(|error| format!("{error:#}"));
            let ignored = error.is_some() && !required;
            let trial = Trial::test(format!("{name}_{test}"), move || {
                if let Some(error) = error {
                    return Err(error.into());
                }
                run(name, start);
                Ok(())
            });
            trials.push(trial.with_ignored_flag(ignored));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn accepts(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

fn again(_: &str, start: Start) {
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

fn orphan(name: &str, _: Start) {
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
