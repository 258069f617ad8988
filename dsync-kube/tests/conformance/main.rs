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
mod operator;
mod site;

use std::process::ExitCode;

use dsync_conformance::{Suite, candidate, where_found};

use site::Site;

fn main() -> ExitCode {
    if let Some(code) = Site::of_candidate().and_then(|site| candidate::run_if_asked(&site)) {
        return code;
    }
    where_found(Site::find, |site| {
        println!("on {}", site.describe());
        let tests = Suite::new("kube", site.clone())
            .with_namespaces("default", "kube-system")
            .with_lease(site::lease());
        let code = tests.run();
        site.clean_up();
        code
    })
}
