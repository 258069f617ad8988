//! dsync beside the raw messages of the same server.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::test::cargo;

pub(crate) const HELP: &str = "\
usage: cargo xtask bench [redis] [etcd] [--rounds N]

Measures lock + unlock and hand-overs beside the raw messages of the same server, in turns, and
prints the ratios. The servers are found as by the tests.
";

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let rest: Vec<OsString> = arguments.raw_args()?.collect();
    let mut command = cargo(["run", "--quiet", "--release", "--locked", "-p", "bench", "--"]);
    let status = command.args(rest).status().context("failed to run cargo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
