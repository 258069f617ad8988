//! Benchmarks of dsync against raw requests to the same server.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use lexopt::{Arg, Parser, ValueExt};

use crate::cargo::cargo;
use crate::usage::{Given, UsageError};

pub(crate) const HELP: &str = "\
usage: cargo xtask bench [redis] [etcd] [--rounds N]

Measures lock + unlock and hand-overs alternately with raw requests to the same server, and prints
the ratios. The servers are found in the same way as in the tests.
";

/// The backends that can be measured.
const BACKENDS: [&str; 2] = ["redis", "etcd"];

pub(crate) fn run(arguments: Parser) -> Result<ExitCode> {
    let arguments = parse(arguments)?;
    let mut command = cargo(["run", "--quiet", "--release", "--locked", "-p", "bench", "--"]);
    let status = command.args(arguments).status().context("failed to run cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks the arguments before the benchmark program is built, which takes minutes.
fn parse(mut arguments: Parser) -> Result<Vec<String>, UsageError> {
    let mut passed = Vec::new();
    let mut given = Given::default();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("rounds") => {
                given.once("rounds")?;
                let text = arguments.value()?.string()?;
                if !text.parse().is_ok_and(|rounds: usize| rounds > 0) {
                    let wrong = format!("--rounds {text}: not a number from 1 to {}", usize::MAX);
                    return Err(UsageError(wrong));
                }
                passed.extend(["--rounds".to_owned(), text]);
            }
            Arg::Value(backend) => {
                let backend = backend.string()?;
                if !BACKENDS.contains(&backend.as_str()) {
                    let backends = BACKENDS.join(" or ");
                    return Err(UsageError(format!("no such backend {backend:?}: use {backends}")));
                }
                passed.push(backend);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_passed_on() {
        let parsed = parse(Parser::from_args(["redis", "--rounds", "7", "etcd"])).unwrap();
        assert_eq!(parsed, ["redis", "--rounds", "7", "etcd"]);
        assert!(parse(Parser::from_args(Vec::<String>::new())).unwrap().is_empty());
    }
}
