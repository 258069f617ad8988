//! The conformance suite on a real etcd cluster.
//!
//! The server is the one of `DSYNC_TEST_ETCD`, or one that is started here, which can then be
//! killed and paused as well; with `DSYNC_TEST_ETCD_MEMBERS=3` that is done to the leader of three. Where no server can be had, every test is shown as
//! ignored, and fails with `DSYNC_REQUIRE=all`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

mod control;
mod operator;
mod site;

use std::process::ExitCode;
use std::time::Duration;

use dsync_conformance::{RULES, Suite, candidate};
use libtest_mimic::{Arguments, Trial};

use site::Site;

/// A request may take two fifteenths of it.
const LEASE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    if let Some(code) = Site::of_candidate().and_then(|site| candidate::run_if_asked(&site)) {
        return code;
    }
    let required = std::env::var("DSYNC_REQUIRE").is_ok_and(|what| what == "all");
    let arguments = Arguments::from_args();
    if arguments.list {
        return without_server(&arguments, None);
    }
    match Site::find() {
        Ok(site) => {
            println!("on {}", site.describe());
            Suite::new("etcd", site).with_lease(LEASE).run()
        }
        Err(error) => {
            eprintln!("NOT RUN, no etcd to test on: {error:#}");
            let why = format!("{error:#}");
            without_server(&arguments, required.then_some(why.as_str()))
        }
    }
}

/// Every test, shown as ignored, or failing with `why`.
fn without_server(arguments: &Arguments, why: Option<&str>) -> ExitCode {
    let trial = |rule: &dsync_conformance::Rule| match why.map(str::to_owned) {
        Some(why) => Trial::test(rule.test_name(), move || Err(why.into())),
        None => Trial::test(rule.test_name(), || Ok(())).with_ignored_flag(!arguments.list),
    };
    libtest_mimic::run(arguments, RULES.iter().map(trial).collect()).exit_code()
}
