//! The conformance suite on a real etcd cluster.
//!
//! The server is the one of `DSYNC_TEST_ETCD`, or one that is started here, which can then be killed
//! and paused as well; with `DSYNC_TEST_ETCD_MEMBERS=3` that is done to the leader of three.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

mod control;
mod harness;
mod operator;

use std::process::ExitCode;
use std::time::Duration;

use dsync_conformance::{Suite, candidate, run_if_available};

use harness::ServerHarness;

/// The lease duration of the tests. A request may take two fifteenths of it.
const LEASE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    if let Some(code) =
        ServerHarness::of_candidate().and_then(|harness| candidate::run_if_asked(&harness))
    {
        return code;
    }
    run_if_available(ServerHarness::find, |harness| {
        println!("on {}", harness.describe());
        Suite::new("etcd", harness).with_lease(LEASE).run()
    })
}
