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
//! Start it several times on the same backend, and end the one that leads with Ctrl-C, or with
//! kill -9. The core knows of no backend: a program that has one alone needs one line of this.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to people")]

mod backend;

use std::process::ExitCode;
use std::time::Duration;

use dsync::{Config, Dsync, Result};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("which backend? {}", backend::USAGE);
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

/// Leads whenever it is elected, until somebody ends it.
async fn run(url: &str) -> Result<()> {
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
        // Dropped when the term ends, and before anybody else is elected.
        term.run(work).await;
        println!("leads no more");
    });
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        // Some troubles do not pass.
        ended = election.stopped() => return ended,
    }
    dsync.shutdown().await;
    Ok(())
}
