//! The conformance suite on a real API server.
//!
//! The server is the one of `DSYNC_TEST_KUBECONFIG`, or one that is started here, which can then be
//! killed and paused as well. With `DSYNC_TEST_KIND=NAME`, that is done to the nodes of the kind
//! cluster of this name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

mod client;
mod control;
mod docker;
mod harness;
mod operator;

use std::process::ExitCode;

use dsync_conformance::{Suite, candidate, run_if_available};

use harness::ServerHarness;

fn main() -> ExitCode {
    if let Some(code) =
        ServerHarness::of_candidate().and_then(|harness| candidate::run_if_asked(&harness))
    {
        return code;
    }
    run_if_available(ServerHarness::find, |harness| {
        println!("on {}", harness.describe());
        let tests = Suite::new("kube", harness.clone())
            .with_namespaces("default", "kube-system")
            .with_lease(harness::lease());
        let code = tests.run();
        harness.clean_up();
        code
    })
}
