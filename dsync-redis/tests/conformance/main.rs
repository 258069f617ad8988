//! The conformance suite on a real Redis server.
//!
//! The server is the one of `DSYNC_TEST_REDIS`, or a master with a replica that are started here, and
//! can then be killed, paused and failed over as well.
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
const LEASE: Duration = Duration::from_millis(900);

fn main() -> ExitCode {
    if let Some(code) =
        ServerHarness::of_candidate().and_then(|harness| candidate::run_if_asked(&harness))
    {
        return code;
    }
    run_if_available(ServerHarness::find, |harness| {
        println!("on {}", harness.describe());
        Suite::new("redis", harness).with_lease(LEASE).run()
    })
}
