//! One program on any backend, chosen by a URL:
//!
//! ```sh
//! eval "$(cargo xtask env)"   # to build dsync-etcd
//! cargo run -p any-backend -- mock://
//! cargo run -p any-backend -- redis://localhost:6379
//! cargo run -p any-backend -- etcd://localhost:2379
//! cargo run -p any-backend -- 'kube://default?scope=shop'
//! ```
//!
//! Start it several times on the same backend, and end the leader with Ctrl-C or with kill -9. The core
//! does not depend on a backend: a program that uses only one needs one line of `backend.rs`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the program prints")]

mod backend;

use std::process::ExitCode;
use std::time::Duration;

use dsync::{Config, Dsync, Result};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("missing argument: the URL of a backend: {}", backend::USAGE);
        return ExitCode::from(2);
    };
    match run(&url).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Leads whenever it is elected, until the program is ended.
#[expect(clippy::expect_used, reason = "without signals the program could not be ended cleanly")]
async fn run(url: &str) -> Result<()> {
    // Before the campaign begins: a signal that arrives earlier would end the process without a release.
    let mut interrupt = signal(SignalKind::interrupt()).expect("the runtime has its I/O driver");
    let (driver, config): (_, Config) = backend::open(url, Config::from_env()).await?;
    let dsync = Dsync::new(driver, &config)?;
    let election = dsync.election("example")?;
    println!("{} is a candidate", config.instance());
    election.when_elected(|term| async move {
        println!("leads with token {}", term.fencing_token());
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let work = async {
            loop {
                second.tick().await;
                println!("works");
            }
        };
        // The work is dropped when the term ends, before another candidate can be elected.
        term.run(work).await;
        println!("leads no more");
    });
    tokio::select! {
        _ = interrupt.recv() => {}
        // A campaign ends by itself after an error that does not pass, such as a missing right.
        ended = election.stopped() => return ended,
    }
    dsync.shutdown().await;
    Ok(())
}
