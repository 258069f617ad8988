//! A suite whose server may not be there.

use std::fmt::Display;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use super::outcomes;
use crate::{RULES, Rule};

/// The environment variable that, with the value `all`, lets tests fail that cannot run.
pub const REQUIRE_VARIABLE: &str = "DSYNC_REQUIRE";

/// The `main` of a test target whose server may not be there: `find` looks for it, and `run` runs the
/// [suite](crate::Suite) on it. Where there is none, a line `NOT RUN: …` gives the reason and every test is
/// shown as ignored; with `DSYNC_REQUIRE=all` every one fails.
///
/// ```no_run
/// # #[derive(Debug)] struct Site;
/// # impl Site { fn find() -> Result<Self, String> { Ok(Site) } }
/// # #[dsync::async_trait]
/// # impl dsync_conformance::Harness for Site {
/// #     async fn connect(&self, _: dsync_conformance::harness::Via)
/// #         -> dsync::Result<std::sync::Arc<dyn dsync::Driver>> {
/// #         Ok(std::sync::Arc::new(dsync_mock::MockDriver::new()))
/// #     }
/// # }
/// use dsync_conformance::{Suite, run_if_available};
///
/// fn main() -> std::process::ExitCode {
///     run_if_available(Site::find, |site| Suite::new("my-driver", site).run())
/// }
/// ```
pub fn run_if_available<T, E: Display>(
    find: impl FnOnce() -> Result<T, E>,
    run: impl FnOnce(T) -> ExitCode,
) -> ExitCode {
    let arguments = Arguments::from_args();
    if arguments.list {
        return without(&arguments, None, false);
    }
    match find() {
        Ok(found) => run(found),
        Err(error) => {
            // With its causes, where the error has any to show.
            let why = format!("{error:#}");
            #[expect(clippy::print_stdout, reason = "a test that does not run says so loudly")]
            {
                println!("NOT RUN: {why}");
            }
            let required = std::env::var(REQUIRE_VARIABLE).is_ok_and(|what| what == "all");
            without(&arguments, Some(&why), required)
        }
    }
}

/// Every test. Without a reason why they cannot run they are listed; with one they are shown as
/// ignored, or fail if they are `required`.
fn without(arguments: &Arguments, why: Option<&str>, required: bool) -> ExitCode {
    let trial = |rule: &Rule| {
        let reason = why.unwrap_or_default().to_owned();
        let trial = Trial::test(rule.test_name(), move || Err(reason.into()));
        trial.with_ignored_flag(why.is_some() && !required)
    };
    let trials: Vec<_> = RULES.iter().map(trial).collect();
    for trial in trials.iter().filter(|trial| !arguments.is_filtered_out(trial)) {
        if let Some(why) = why {
            outcomes::record_not_run(trial.name(), why);
        }
    }
    libtest_mimic::run(arguments, trials).exit_code()
}
