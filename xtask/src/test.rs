//! `cargo xtask test`: sets up all it needs, runs everything, and says loudly what it could not
//! run.

mod shell;
mod stages;
mod tally;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use lexopt::{Arg, Parser, ValueExt};

use self::stages::{STAGES, Stage};
use self::tally::Tally;
use crate::output::say;
use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: cargo xtask test [--require all] [--only STAGE]... [--list]

  --require all   fail on what could not be run, instead of only naming it
  --only STAGE    run this stage alone; may be given several times
  --list          name the stages

The Kubernetes tests run against a real kube-apiserver, which comes from
KUBEBUILDER_ASSETS, PATH, an earlier build, or is built by Go (1.26 or newer).
";

/// How a stage ended.
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// Something that it needs is missing: what, and what to do.
    NotRun(String),
}

/// What a stage gets.
pub(crate) struct Context {
    pub(crate) require_all: bool,
    pub(crate) tally: Tally,
    pub(crate) control_plane: Option<control_plane::ControlPlane>,
}

pub(crate) fn run(mut arguments: Parser) -> Result<ExitCode> {
    let mut require_all = false;
    let mut only: Vec<String> = Vec::new();
    while let Some(argument) = arguments.next().map_err(UsageError::from)? {
        match argument {
            Arg::Long("require") => {
                let what = value(&mut arguments)?;
                if what != "all" {
                    return Err(UsageError(format!("--require {what}: only `all`")).into());
                }
                require_all = true;
            }
            Arg::Long("only") => {
                let name = value(&mut arguments)?;
                if !STAGES.iter().any(|stage| stage.name == name) {
                    return Err(UsageError(format!("--only {name}: no such stage")).into());
                }
                only.push(name);
            }
            Arg::Long("list") => {
                for Stage { name, about, .. } in STAGES {
                    say(&format!("{name:<10}{about}\n"));
                }
                return Ok(ExitCode::SUCCESS);
            }
            other => return Err(UsageError::from(other.unexpected()).into()),
        }
    }

    let mut context = Context { require_all, tally: Tally::default(), control_plane: None };
    let mut lines = Vec::new();
    let (mut failed, mut missing) = (0, 0);
    for stage in STAGES.iter().filter(|s| only.is_empty() || only.iter().any(|o| o == s.name)) {
        say(&format!("\n=== {}: {}\n", stage.name, stage.about));
        let started = Instant::now();
        let outcome =
            (stage.run)(&mut context).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let took = started.elapsed().as_secs_f64();
        let (word, detail) = match outcome {
            Outcome::Passed => ("passed", String::new()),
            Outcome::Failed(why) => {
                failed += 1;
                ("FAILED", why)
            }
            Outcome::NotRun(why) => {
                missing += 1;
                ("NOT RUN", why)
            }
        };
        lines.push(format!("{:<10}{word:<9}{took:>7.1} s  {detail}\n", stage.name));
    }
    // The servers end before the summary, so that nothing is printed after it.
    context.control_plane = None;
    say("\n=== summary\n");
    for line in &lines {
        say(line);
    }
    if missing > 0 {
        let verdict = if require_all { "which is a failure here" } else { "named, not judged" };
        say(&format!("{missing} stages could not run: {verdict}\n"));
        if require_all {
            failed += missing;
        }
    }
    let stages_passed = lines.len().saturating_sub(failed + missing);
    say(&context.tally.closing(stages_passed, failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn value(arguments: &mut Parser) -> Result<String, UsageError> {
    arguments.value().and_then(ValueExt::string).map_err(UsageError::from)
}
