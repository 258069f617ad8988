//! Tests on servers that may not be there.

use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};

use crate::outcomes;

/// A test, with its name.
pub type Test = (&'static str, fn());

/// The `main` of a test target: runs `tests` if `find` finds what they need. Else they are shown as
/// ignored, and fail with `DSYNC_REQUIRE=all`.
#[must_use]
pub fn run(tests: &[Test], find: impl FnOnce() -> Result<()>) -> ExitCode {
    let arguments = Arguments::from_args();
    let found = if arguments.list { Ok(()) } else { find() };
    let required = std::env::var("DSYNC_REQUIRE").is_ok_and(|what| what == "all");
    let why = found.err().map(|error| format!("{error:#}"));
    if let Some(why) = &why {
        eprintln!("NOT RUN: {why}");
    }
    let trial = |&(name, test): &Test| {
        let why = why.clone();
        let is_ignored = why.is_some() && !required;
        let trial = Trial::test(name, move || {
            if let Some(why) = why {
                return Err(why.into());
            }
            outcomes::record(name, test);
            Ok(())
        });
        trial.with_ignored_flag(is_ignored)
    };
    let trials: Vec<_> = tests.iter().map(trial).collect();
    for trial in trials.iter().filter(|trial| !arguments.is_filtered_out(trial)) {
        if let Some(why) = why.as_deref().filter(|_| !arguments.list) {
            outcomes::record_not_run(trial.name(), why);
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
