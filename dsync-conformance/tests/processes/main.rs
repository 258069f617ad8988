//! Candidates that are processes: they are suspended and killed, and they end with their parent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests with processes, in real time"
)]

mod driver;
mod life;
mod plans;
mod store;

use std::process::ExitCode;

use dsync_conformance::candidate;
use libtest_mimic::{Arguments, Failed, Trial};

use driver::{STORE, StoreHarness};

type Test = fn();

const TESTS: &[(&str, Test)] = &[
    ("a_candidate_that_is_told_to_stop_hands_over", life::hands_over),
    ("a_paused_leader_knows_at_once_that_it_is_none", life::paused),
    ("a_killed_leader_is_succeeded_no_earlier_than_its_lease", life::killed),
    ("a_candidate_ends_with_its_parent_also_when_it_is_paused", life::orphaned),
    ("a_candidate_without_orders_says_what_is_wrong", life::refused),
    ("a_plan_of_elections_breaks_no_rule", plans::elections),
    ("a_plan_of_locks_breaks_no_rule", plans::locks),
    ("a_store_that_gives_everybody_the_lease_is_found_out", plans::generous),
    ("a_store_in_memory_is_refused", plans::in_memory),
];

fn main() -> ExitCode {
    if let Ok(address) = std::env::var(STORE) {
        let harness = StoreHarness { address: address.parse().unwrap() };
        if let Some(code) = candidate::run_if_asked(&harness) {
            return code;
        }
        return life::parent(&harness);
    }
    let trials = TESTS.iter().map(|(name, test)| {
        let test = *test;
        let trial = Trial::test(*name, move || {
            test();
            Ok::<_, Failed>(())
        });
        trial.with_ignored_flag(!cfg!(unix))
    });
    // Few at a time: they measure time, on machines with few cores.
    let arguments = Arguments::from_args();
    let threads = arguments.test_threads.unwrap_or(2);
    libtest_mimic::run(&Arguments { test_threads: Some(threads), ..arguments }, trials.collect())
        .exit_code()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
