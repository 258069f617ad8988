//! Measures lock + unlock and hand-over against raw requests to the same server in the same run.
//!
//! ```sh
//! cargo xtask bench redis etcd --rounds 1000
//! ```
//!
//! Raw and dsync take turns, round by round, so that other load on the machine affects both. Only the
//! ratios are meaningful: machines differ by more than the measured difference.

// The program prints, and measures real time.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod backend;
mod etcd;
mod measure;
mod redis;

use std::process::ExitCode;

use anyhow::{Result, bail};
use dsync::env::BoxFuture;

use backend::Backend;

type Open = fn() -> BoxFuture<Result<Backend>>;

const BACKENDS: [(&str, Open); 2] =
    [("redis", || Box::pin(redis::open())), ("etcd", || Box::pin(etcd::open()))];

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: impl Iterator<Item = String>) -> Result<()> {
    let (mut rounds, mut chosen) = (1000, Vec::new());
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            let text = arguments.next().unwrap_or_default();
            rounds = match text.parse() {
                Ok(number) if number > 0 => number,
                _ => bail!("invalid --rounds {text:?}: use a number from 1"),
            };
        } else if let Some(found) = BACKENDS.iter().find(|(name, _)| *name == argument) {
            chosen.push(found);
        } else {
            bail!("unknown argument {argument:?}: use redis, etcd or --rounds N");
        }
    }
    if chosen.is_empty() {
        chosen.extend(&BACKENDS);
    }
    for (name, open) in chosen {
        let mut backend = open().await?;
        println!("\n{name}: {}, {rounds} rounds", backend.about);
        measure::measure(&mut backend, rounds).await?;
    }
    Ok(())
}
