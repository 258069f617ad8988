//! The conformance suite on a real API server.
//!
//! The server is the one of `DSYNC_TEST_KUBECONFIG`, or one that is started here, which can then be
//! killed and paused as well. With `DSYNC_TEST_KIND=NAME`, that is done to the nodes of the kind
//! cluster of this name. Where no server can be had, every test is shown as ignored, and fails with
//! `DSYNC_REQUIRE=all`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

mod client;
mod control;
mod docker;
mod operator;
mod site;

use std::process::ExitCode;

use dsync_conformance::{RULES, Suite, candidate};
use libtest_mimic::{Arguments, Trial};

use site::Site;

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
            let tests = Suite::new("kube", site.clone())
                .with_namespaces("default", "kube-system")
                .with_lease(site::lease());
            let code = tests.run();
            site.clean_up();
            code
        }
        Err(error) => {
            eprintln!("NOT RUN, no API server to test on: {error:#}");
            {
                let why = format!("{error:#}");
                without_server(&arguments, required.then_some(why.as_str()))
            }
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
