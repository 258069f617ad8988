//! `cargo xtask conformance`: the suite, and the proof that it can fail.

mod broken_cores;
mod self_test;

use std::process::ExitCode;

use anyhow::Result;
use lexopt::Parser;
use lexopt::prelude::*;

use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: cargo xtask conformance --self-test [--seeds N] [--only NAME]…

  --self-test   break the core in many ways, one at a time, and see the suite find each
  --seeds N     … from so many seeds each (default: 5)
  --only NAME   … this one alone
";

pub(crate) fn run(mut arguments: Parser) -> Result<ExitCode> {
    let mut self_test = false;
    let mut options = self_test::Options { seeds: 5, only: Vec::new() };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("self-test") => self_test = true,
            Long("seeds") => options.seeds = arguments.value()?.parse()?,
            Long("only") => options.only.push(arguments.value()?.string()?),
            other => return Err(UsageError(other.unexpected().to_string()).into()),
        }
    }
    if !self_test {
        return Err(UsageError("what? --self-test".to_owned()).into());
    }
    Ok(if self_test::run(&options)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
