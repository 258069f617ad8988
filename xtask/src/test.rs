//! `cargo xtask test`: sets up all it needs, runs everything, and says loudly what it could not
//! run.

mod cargo;
mod metadata;
mod package;
pub(crate) mod shell;
mod stages;
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

pub(crate) use self::cargo::{cargo, root};
use self::stages::{CLUSTER, STAGES, Stage, TEST};
use self::tally::Tally;
use crate::output::say;
use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: cargo xtask test [--require all] [--only STAGE]... [--skip STAGE]... [--list]

  --require all   fail on what could not be run, instead of only naming it
  --only STAGE    run this stage alone; may be given several times
  --skip STAGE    leave this stage out; may be given several times
  --list          name the stages

The Kubernetes tests run against a real kube-apiserver, which comes from
KUBEBUILDER_ASSETS, PATH, an earlier build, or is built by Go (1.26 or newer).
Redis and etcd come as DSYNC_TEST_REDIS and DSYNC_TEST_ETCD, in containers, or
from PATH; DSYNC_TEST_WAY=url, docker or binary allows one way alone.
cargo-deny is installed by --require all, if it is missing.

The last line counts the tests and, one each, the other stages.
";

/// How a stage ended.
enum Outcome {
    Passed,
    /// A part of it could not be judged here, and can't be made to: which, and why.
    PassedBut(String),
    Failed(String),
    /// Something that it needs is missing: what, and what to do.
    NotRun(String),
}

/// What a stage gets.
#[derive(Default)]
struct Context {
    require_all: bool,
    /// The tests that Cargo ran.
    tests: Tally,
    /// The search for the servers' programs, while it goes on.
    binaries: Option<JoinHandle<Result<Binaries>>>,
    control_plane: Option<ControlPlane>,
}

/// What was asked for.
#[derive(Default)]
struct Request {
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
                Arg::Long("only") => request.only.push(stage("--only", arguments)?),
                Arg::Long("skip") => request.skip.push(stage("--skip", arguments)?),
                Arg::Long("list") => request.list = true,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(request)
    }

    fn wants(&self, stage: &Stage) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == stage.name);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
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
    let request = Request::parse(&mut arguments)?;
    let stages: Vec<&Stage> = STAGES.iter().filter(|stage| request.wants(stage)).collect();
    if request.list {
        for Stage { name, about, minutes, .. } in stages {
            say(&format!("{name:<10}{about} (at most {minutes} min)\n"));
        }
        return Ok(ExitCode::SUCCESS);
    }

    let mut context = Context { require_all: request.require_all, ..Context::default() };
    if stages.iter().any(|stage| stage.name == CLUSTER) {
        stages::prepare_cluster(&mut context);
    }
    let mut summary = String::new();
    // Of the stages but those that count their parts themselves.
    let mut tally = Tally::default();
    for stage in stages {
        let minutes = stage.minutes;
        say(&format!("\n=== {}: {} (at most {minutes} min)\n", stage.name, stage.about));
        let started = Instant::now();
        let outcome =
            (stage.run)(&mut context).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let outcome = match outcome {
            Outcome::Passed | Outcome::PassedBut(_)
                if started.elapsed().as_secs() > 60 * minutes =>
            {
                Outcome::Failed(format!("it took longer than {minutes} minutes"))
            }
            outcome => outcome,
        };
        let counts_itself = stage.name == TEST && context.tests != Tally::default();
        let (word, detail) = match outcome {
            Outcome::Passed => {
                tally.passed += usize::from(!counts_itself);
                ("passed", String::new())
            }
            Outcome::PassedBut(what) => {
                tally.passed += usize::from(!counts_itself);
                ("passed", format!("but: {what}"))
            }
            Outcome::Failed(why) => {
                // A test that doesn't compile fails without being counted.
                tally.failed += usize::from(!counts_itself || context.tests.failed == 0);
                ("FAILED", why)
            }
            Outcome::NotRun(why) if request.require_all => {
                tally.failed += 1;
                ("FAILED", format!("NOT RUN: {why}"))
            }
            Outcome::NotRun(why) => {
                tally.skipped += 1;
                ("NOT RUN", why)
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let line = format!("{:<10}{word:<9}{seconds:>7.1} s  {detail}", stage.name);
        say(&format!("--- {}\n", line.trim_end()));
        summary.extend([line.trim_end(), "\n"]);
    }
    // The servers end before the summary, so that nothing is printed after it.
    context.control_plane = None;
    let total = tally + context.tests;
    say(&format!("\n=== summary\n{summary}\n{}", total.closing()));
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
        assert_eq!(chosen(&[]).len(), STAGES.len());
        assert_eq!(chosen(&["--only", "doc", "--only", "fmt"]), ["fmt", "doc"]);
        assert_eq!(chosen(&["--skip", "deny"]).len(), STAGES.len() - 1);
        assert!(chosen(&["--only", "fmt", "--skip", "fmt"]).is_empty());
    }

    #[test]
    fn a_wrong_argument_is_named() {
        for (arguments, part) in [
            (&["--only", "lint"][..], "--only lint: no such stage, but fmt, "),
            (&["--skip", "lint"], "--skip lint: no such stage"),
            (&["--require", "some"], "--require some: only `all`"),
            (&["--fast"], "--fast"),
        ] {
            let error = parse(arguments).err().unwrap_or_default();
            assert!(error.contains(part), "{error}");
        }
    }
}
