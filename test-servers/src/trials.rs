//! Tests on servers that may be missing.

use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};

use crate::outcomes;

/// A test, with its name.
pub type Test = (&'static str, fn());

/// Runs `tests` if `find` succeeds in finding what they need; the `main` of a test target.
///
/// Otherwise the tests do not run: the reason is printed and they are shown as ignored, or they fail
/// if `DSYNC_REQUIRE=all` is set.
#[must_use]
pub fn run(tests: &[Test], find: impl FnOnce() -> Result<()>) -> ExitCode {
    let arguments = Arguments::from_args();
    let found = if arguments.list { Ok(()) } else { find() };
    let required = std::env::var("DSYNC_REQUIRE").is_ok_and(|what| what == "all");
    let why = found.err().map(|error| format!("{error:#}"));
    if let Some(why) = &why {
        println!("NOT RUN: {why}");
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
