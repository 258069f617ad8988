//! `cargo xtask conformance`: tests drivers against every rule, and writes the reports.
//!
//! Every run writes *parts* (a tier, a form of a driver, the self-test) to a folder. At the end they
//! become one report for each driver.

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
DRIVER.xml (JUnit) and DRIVER.md. Fails if a rule is violated or the run was too weak to say anything.

  --driver DRIVER     mock (default; in virtual time, needs nothing), kube, redis, etcd, or
                      all; may be given several times. redis and etcd find their servers by
                      themselves: DSYNC_TEST_REDIS and DSYNC_TEST_ETCD, containers, or
                      programs of this machine
  --cluster CLUSTER   where kube is tested:
                        local    the API server of `cargo xtask cluster`, else one of its
                                 own (default)
                        kind     the kind cluster dsync-conformance; is made, with three
                                 control planes, and deleted again if it is not there
                        current  the current context of KUBECONFIG or ~/.kube/config
  --for TIME          how long to look for violations, for each driver: 90s, 10m or 2h
  --seed N            the seed of the random schedules (default: 1)
  --worlds N          how many schedules run beside each other on a real server (default: 8)
  --members N         how many members an etcd cluster has that is started here (default: 1)
  --self-test         also see that the suite finds what is broken on purpose
  --kind-image IMAGE  the image of a kind node (default: KIND_IMAGE, else what kind takes)
  --report DIR        where reports go (default: target/conformance)
  --replay FILE       run one schedule that failed in virtual time, and show what happens
  --write-docs        write what is generated from the rules and from published reports:
                      GUARANTEES.md, the table of drivers in the README
";

/// How long a command may take beyond its `--for`: for builds, and for tests without a limit.
const SLACK: Duration = Duration::from_secs(60 * 60);

pub(crate) fn run(arguments: Parser) -> Result<ExitCode> {
    let passed = match request::parse(arguments)? {
        Action::WriteDocs => docs(true)?,
        Action::Replay(file) => replay(&file)?,
        Action::Run(request) => conformance(&request)?,
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets the suite look for every mutant of the core.
pub(crate) fn mutants_of_core() -> Result<Summary> {
    self_test::cores()
}

/// Lets the tests of the drivers of real servers look for every mutant of them.
pub(crate) fn mutants_of_drivers() -> Result<Summary> {
    self_test::drivers()
}

/// Compares or writes the generated documents, and compares published reports with their digests.
/// Returns whether all is up to date.
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
            // A run that failed is reported as well.
            Ok((tested, merge(request, &place, name)?))
        });
        match tested {
            Ok((false, true)) => {
                say(&format!(
                    "{name}: FAILED, though no rule did, so the report is not complete\n"
                ));
                passed = false;
            }
            Ok((_, reported)) => passed &= reported,
            // The others are tested all the same.
            Err(error) => {
                say(&format!("{name}: {error:#}\n"));
                passed = false;
            }
        }
    }
    Ok(passed)
}

/// Writes one report of all parts of a driver and of the self-test. Returns whether its verdict is
/// no failure.
fn merge(request: &Request, place: &Place, driver: &str) -> Result<bool> {
    let mut command = reports()?;
    command.args(["merge", "--driver", driver, "--date", &now()]);
    command.arg("--into").arg(&request.report);
    command.args(["--reproduce", &request.reproduce(driver)]);
    // Parts of another commit are refused: the code changed during the run.
    if let Some(commit) = commit_under_test() {
        command.args(["--commit", &commit]);
    }
    for kills in place.kills()? {
        command.arg("--kills").arg(kills);
    }
    let parts = place.parts(driver)?;
    anyhow::ensure!(!parts.is_empty(), "nothing was reported: see what failed above");
    command.args(parts);
    say("\n");
    shell::run(&command, SLACK, |_| {})
}

/// The commit of the working tree as it is now. Without one the reports say that it is not recorded.
fn commit_under_test() -> Option<String> {
    match commit::current(&root()) {
        Ok(commit) => Some(commit),
        Err(error) => {
            say(&format!("no commit is recorded in the report: {error:#}\n"));
            None
        }
    }
}

/// Now, to the second, in UTC: `2026-11-23T14:02:00Z`.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The program that merges and compares reports. It is selected as by stage `test`, so that its
/// dependencies have the same features and are not compiled again.
fn reports() -> Result<std::process::Command> {
    let mut command = cargo(["build", "--locked", "--workspace", "--bin", "reports"]);
    let root = root();
    let built = Built::by(&mut command, &root)?.context("the program `reports` does not build")?;
    let program = built.program(&root.join("dsync-conformance"), "reports")?;
    Ok(std::process::Command::new(program))
}
