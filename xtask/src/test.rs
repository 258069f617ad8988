//! `cargo xtask test` and `cargo xtask ci`: install missing programs, run the stages, and list the
//! stages that could not be run.

mod metadata;
mod package;
mod stages;
mod summary;
mod tally;
mod tidy;
mod ways;

use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::Result;
use control_plane::ControlPlane;
use control_plane::binaries::Binaries;
use lexopt::{Arg, Parser, ValueExt};

use self::stages::{STAGES, Size, Stage, TEST};
use self::summary::{Summary, clock};
use self::tally::Tally;
use crate::output::say;
use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: cargo xtask test [--all] [--require all] [--only STAGE]... [--skip STAGE]... [--list]

  --all           run every check, as `cargo xtask ci` does
  --require all   fail if a stage or test could not be run, instead of listing it
  --only STAGE    run only this stage; may be given several times
  --skip STAGE    skip this stage; may be given several times
  --list          list the stages and their typical times

Builds everything and runs all tests, including those on real servers. Missing
programs are installed as root or if `sudo -n` works; otherwise the command that
installs them is printed, and the tests that need them are skipped.

kube-apiserver and etcd come from KUBEBUILDER_ASSETS, PATH, an earlier run, the
envtest archive, or a build with Go. DSYNC_TEST_REDIS and DSYNC_TEST_ETCD can name
other Redis and etcd servers; DSYNC_TEST_WAY=url, docker or binary restricts the
tests to one source of servers.

The last line counts the tests. Each other stage counts as one test.
";

pub(crate) const CI_HELP: &str = "\
usage: cargo xtask ci [--require all] [--only STAGE]... [--skip STAGE]... [--list]

The same as `cargo xtask test --all`: all tests and all other checks. See
`cargo xtask test --help` for the options.
";

/// How a stage ended.
enum Outcome {
    Passed,
    /// The stage passed, but a part of it could not be checked here: which part, and why.
    PassedBut(String),
    Failed(String),
    /// A requirement is missing: which one, and what to do.
    NotRun(String),
}

/// The state that stages share.
#[derive(Default)]
struct Context {
    request: Request,
    /// The tests that Cargo ran.
    tests: Tally,
    /// The search for the server programs, while it is running.
    binaries: Option<JoinHandle<Result<Binaries>>>,
    control_plane: Option<ControlPlane>,
}

/// The command line.
#[derive(Default)]
struct Request {
    /// Run every check, not only the tests.
    all: bool,
    require_all: bool,
    list: bool,
    only: Vec<String>,
    skip: Vec<String>,
}

impl Request {
    fn parse(arguments: &mut Parser) -> Result<Self, UsageError> {
        let mut request = Self::default();
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("require") => {
                    let what = arguments.value()?.string()?;
                    if what != "all" {
                        return Err(UsageError(format!("--require {what}: only `all`")));
                    }
                    request.require_all = true;
                }
                Arg::Long("all") => request.all = true,
                Arg::Long("only") => request.only.push(stage("--only", arguments)?),
                Arg::Long("skip") => request.skip.push(stage("--skip", arguments)?),
                Arg::Long("list") => request.list = true,
                other => return Err(other.unexpected().into()),
            }
        }
        if !STAGES.iter().any(|stage| request.wants(stage)) {
            let text = "--skip leaves no stage of those that --only names: leave one of them out";
            return Err(UsageError(text.to_owned()));
        }
        Ok(request)
    }

    fn wants(&self, stage: &Stage) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == stage.name);
        let is_chosen = if self.only.is_empty() {
            self.all || stage.size == Size::Tests
        } else {
            named(&self.only)
        };
        is_chosen && !named(&self.skip)
    }
}

fn stage(option: &str, arguments: &mut Parser) -> Result<String, UsageError> {
    let name = arguments.value()?.string()?;
    if STAGES.iter().any(|stage| stage.name == name) {
        return Ok(name);
    }
    let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
    Err(UsageError(format!("{option} {name}: no such stage, but {}", names.join(", "))))
}

pub(crate) fn run(mut arguments: Parser) -> Result<ExitCode> {
    Ok(run_stages(Request::parse(&mut arguments)?))
}

/// `cargo xtask ci`.
pub(crate) fn run_all(mut arguments: Parser) -> Result<ExitCode> {
    Ok(run_stages(Request { all: true, ..Request::parse(&mut arguments)? }))
}

fn run_stages(request: Request) -> ExitCode {
    let stages: Vec<&Stage> = STAGES.iter().filter(|stage| request.wants(stage)).collect();
    if request.list {
        for Stage { name, about, typical, .. } in stages {
            say(&format!("{name:<10}{about} (typically {})\n", clock(*typical)));
        }
        return ExitCode::SUCCESS;
    }

    let require_all = request.require_all;
    let mut context = Context { request, ..Context::default() };
    let (count, begun) = (stages.len(), Instant::now());
    let mut summary = Summary::default();
    for (number, stage) in (1..).zip(stages) {
        say(&format!(
            "\n=== [{number}/{count}] {}: {} (typically {}; {} so far)\n",
            stage.name,
            stage.about,
            clock(stage.typical),
            clock(begun.elapsed()),
        ));
        let started = Instant::now();
        let outcome =
            (stage.run)(&mut context).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let took = started.elapsed();
        let outcome = match outcome {
            Outcome::Passed | Outcome::PassedBut(_) if took > stage.limit => {
                Outcome::Failed(format!("it took longer than {}", clock(stage.limit)))
            }
            outcome => outcome,
        };
        let counts_itself = stage.name == TEST && context.tests != Tally::default();
        let line = summary.add(
            stage.name,
            outcome,
            took,
            require_all,
            counts_itself.then_some(context.tests),
        );
        say(&format!("--- {line}\n"));
    }
    // Stop the servers first, so that they print nothing after the summary.
    context.control_plane = None;
    say(&summary.text(context.tests, begun.elapsed()));
    let failed = (summary.tally + context.tests).failed;
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Request, String> {
        Request::parse(&mut Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn stages_are_chosen_by_name() {
        let chosen = |arguments: &[&str]| {
            let request = parse(arguments).unwrap();
            let stages = STAGES.iter().filter(|stage| request.wants(stage));
            stages.map(|stage| stage.name).collect::<Vec<_>>()
        };
        assert_eq!(chosen(&[]), ["setup", "cluster", "build", "test", "ways"]);
        assert_eq!(chosen(&["--all"]).len(), STAGES.len());
        assert_eq!(chosen(&["--only", "doc", "--only", "fmt"]), ["fmt", "doc"]);
        assert_eq!(chosen(&["--all", "--skip", "deny"]).len(), STAGES.len() - 1);
    }

    #[test]
    fn a_wrong_argument_is_named() {
        for (arguments, part) in [
            (&["--only", "lint"][..], "--only lint: no such stage, but setup, "),
            (&["--skip", "lint"], "--skip lint: no such stage"),
            (&["--only", "fmt", "--skip", "fmt"], "--skip leaves no stage"),
            (&["--require", "some"], "--require some: only `all`"),
            (&["--fast"], "--fast"),
        ] {
            let error = parse(arguments).err().unwrap_or_default();
            assert!(error.contains(part), "{error}");
        }
    }
}
