//! `cargo xtask conformance`: tests drivers against every rule, and writes the reports.
//!
//! Every run writes *parts* (for a tier, a form of a driver, or the self-test) to a directory. At
//! the end they are merged into one report per driver.

mod cluster;
mod commit;
mod drivers;
mod kind;
mod kubeconfig;
mod place;
mod program;
mod request;
mod self_test;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lexopt::Parser;

use self::drivers::DRIVERS;
pub(crate) use self::drivers::simulate;
use self::place::Place;
use self::request::{Action, Request};
pub(crate) use self::self_test::Summary;
use crate::built::Built;
use crate::cargo::{cargo, root};
use crate::output::say;
use crate::shell;

pub(crate) const HELP: &str = "\
usage: cargo xtask conformance [--driver DRIVER]... [--cluster CLUSTER] [--for TIME] [--seed N]
                               [--worlds N] [--members N] [--self-test] [--kind-image IMAGE]
                               [--report DIR]
       cargo xtask conformance --replay FILE
       cargo xtask conformance --write-docs

Tests drivers against every rule of dsync-conformance/GUARANTEES.md and writes DRIVER.json,
DRIVER.xml (JUnit) and DRIVER.md. Fails if a rule is violated or the run covered too little.

  --driver DRIVER     mock (default; in virtual time, needs no server), kube, redis, etcd, or
                      all; may be given several times. The servers of redis and etcd come
                      from DSYNC_TEST_REDIS and DSYNC_TEST_ETCD, containers, or local
                      programs
  --cluster CLUSTER   where kube is tested:
                        local    the API server of `cargo xtask cluster` if it is running,
                                 else a temporary one (default)
                        kind     the kind cluster dsync-conformance; if it does not exist,
                                 it is created with three control planes and deleted after
                        current  the current context of KUBECONFIG or ~/.kube/config
  --for TIME          how long to look for violations, for each driver: 90s, 10m or 2h
  --seed N            the seed of the random schedules (default: 1)
  --worlds N          how many schedules run in parallel on a real server (default: 8)
  --members N         how many members a temporary etcd cluster has (default: 1)
  --self-test         also check that the suite detects deliberately broken code
  --kind-image IMAGE  the image of a kind node (default: KIND_IMAGE, else kind's default)
  --report DIR        where reports go (default: target/conformance)
  --replay FILE       replay a schedule that failed in virtual time, and print its events
  --write-docs        write the files generated from the rules and published reports:
                      GUARANTEES.md, and the table of drivers in the README
";

/// How long a command may take in addition to `--for`: for builds and for untimed tests.
const SLACK: Duration = Duration::from_secs(60 * 60);

pub(crate) fn run(arguments: Parser) -> Result<ExitCode> {
    let passed = match request::parse(arguments)? {
        Action::WriteDocs => docs(true)?,
        Action::Replay(file) => replay(&file)?,
        Action::Run(request) => conformance(&request)?,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the suite against every mutant of the core.
pub(crate) fn mutants_of_core() -> Result<Summary> {
    self_test::cores()
}

/// Runs the tests of the drivers for real servers against every mutant of these drivers.
pub(crate) fn mutants_of_drivers() -> Result<Summary> {
    self_test::drivers()
}

/// Compares or writes the generated documents, and compares published reports with their digests.
/// Returns whether everything is up to date.
pub(crate) fn docs(write: bool) -> Result<bool> {
    let mut command = reports()?;
    command.arg("docs").arg("--root").arg(root());
    if write {
        command.arg("--write");
    }
    shell::run(&command, SLACK, |_| {})
}

fn replay(file: &std::path::Path) -> Result<bool> {
    let mut command = drivers::simulate();
    command.arg("--replay").arg(file);
    shell::run(&command, SLACK, |_| {})
}

fn conformance(request: &Request) -> Result<bool> {
    let place = Place::make(&request.report)?;
    let mut passed = true;
    if request.self_test {
        passed &= self_test::run(&place)?;
    }
    for name in &request.drivers {
        let driver = DRIVERS.iter().find(|driver| driver.name == *name);
        let driver = driver.with_context(|| format!("no driver {name}"))?;
        say(&format!("\n=== {name}\n"));
        let tested = (driver.test)(request, &place).and_then(|tested| {
            // Merge the report even if the run failed.
            Ok((tested, merge(request, &place, name)?))
        });
        match tested {
            Ok((false, true)) => {
                say(&format!(
                    "{name}: FAILED without a violated rule, so the report is incomplete\n"
                ));
                passed = false;
            }
            Ok((_, reported)) => passed &= reported,
            // An error does not stop the tests of the other drivers.
            Err(error) => {
                say(&format!("{name}: {error:#}\n"));
                passed = false;
            }
        }
    }
    Ok(passed)
}

/// Merges all parts of a driver and of the self-test into one report. Returns whether the report
/// has no failure.
fn merge(request: &Request, place: &Place, driver: &str) -> Result<bool> {
    let mut command = reports()?;
    command.args(["merge", "--driver", driver, "--date", &now()]);
    command.arg("--into").arg(&request.report);
    command.args(["--reproduce", &request.reproduce(driver)]);
    // `merge` refuses parts of another commit, since the code changed during the run.
    if let Some(commit) = commit_under_test() {
        command.args(["--commit", &commit]);
    }
    for kills in place.kills()? {
        command.arg("--kills").arg(kills);
    }
    let parts = place.parts(driver)?;
    anyhow::ensure!(!parts.is_empty(), "the run wrote no report: see the errors above");
    command.args(parts);
    say("\n");
    shell::run(&command, SLACK, |_| {})
}

/// Returns the current commit of the working tree. Without one, the reports have no commit.
fn commit_under_test() -> Option<String> {
    match commit::current(&root()) {
        Ok(commit) => Some(commit),
        Err(error) => {
            say(&format!("no commit is recorded in the report: {error:#}\n"));
            None
        }
    }
}

/// Returns the current time in UTC, to the second: `2026-11-23T14:02:00Z`.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Builds the program that merges and compares reports. The build selects the whole workspace, as
/// stage `test` does, so that dependencies have the same features and are not compiled again.
fn reports() -> Result<std::process::Command> {
    let mut command = cargo(["build", "--locked", "--workspace", "--bin", "reports"]);
    let root = root();
    let built = Built::by(&mut command, &root)?.context("failed to build the program `reports`")?;
    let program = built.program(&root.join("dsync-conformance"), "reports")?;
    Ok(std::process::Command::new(program))
}
