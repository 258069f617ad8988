//! The driver with the whole library, on a real API server.
//!
//! The server is that of `DSYNC_TEST_KUBECONFIG`, or one that the tests start. Without one, the tests
//! are reported as ignored; with `DSYNC_REQUIRE=all` they fail.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    clippy::similar_names,
    clippy::unchecked_time_subtraction,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

mod operator;
mod processes;
mod races;
mod rights;
mod test_server;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use test_server::TestServer;

type Test = fn(Arc<TestServer>);

const TESTS: &[(&str, Test)] = &[
    ("a_killed_leader_is_succeeded_within_its_lease", processes::killed),
    ("fifty_hand_offs_by_sigterm", processes::hand_offs),
    ("a_stopped_process_does_not_lead_after_it_continues", processes::stopped),
    ("one_of_eight_wins_a_free_lease", races::free),
    ("one_of_eight_wins_an_expired_lease", races::expired),
    ("a_candidate_wins_loses_and_wins_again", races::again),
    ("an_edited_label_keeps_the_term", operator::label),
    ("a_deleted_lease_ends_the_term_and_is_not_created_again_by_a_renewal", operator::deleted),
    ("an_emptied_holder_ends_the_term", operator::emptied),
    ("edited_labels_do_not_keep_a_dead_leader_alive", operator::edits_of_a_dead_leader),
    ("a_released_lock_leaves_nothing", operator::lock_leaves_nothing),
    ("a_role_without_update_is_reported_and_ends_the_campaign", rights::without_update),
    ("a_missing_namespace_is_named", rights::missing_namespace),
    ("the_server_restarts_under_a_leader", rights::restarts),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var("DSYNC_REQUIRE").is_ok_and(|what| what == "all");
    let server =
        if arguments.list { Err(anyhow::anyhow!("only listing")) } else { TestServer::new() };
    let trials = TESTS.iter().map(|(name, test)| match &server {
        Ok(server) => {
            let (server, test) = (Arc::clone(server), *test);
            Trial::test(*name, move || {
                test(server);
                Ok(())
            })
        }
        Err(error) => {
            let text = format!("no API server to test on: {error:#}");
            Trial::test(*name, move || Err(text.into())).with_ignored_flag(!required)
        }
    });
    let trials = trials.collect();
    match &server {
        Ok(server) => println!("on {}", server.describe()),
        Err(error) if !arguments.list => {
            println!("NOT RUN: no API server to test on: {error:#}");
        }
        Err(_) => {}
    }
    // One after the other, because they measure time, on machines with few cores.
    let conclusion = libtest_mimic::run(&Arguments { test_threads: Some(1), ..arguments }, trials);
    drop(server);
    conclusion.exit_code()
}
