//! The driver with the whole library, on Redis servers that are set up for each test.
//!
//! They need a `redis-server` on PATH. Without one, the tests are reported as ignored; with
//! `DSYNC_REQUIRE=all` they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

mod clients;
mod cluster;
mod errors;
mod fail_over;
mod tokens;

use std::process::ExitCode;
use std::time::Duration;

use test_servers::trials::{self, Test};
use test_servers::{RedisOptions, redis_own};

const TESTS: &[Test] = &[
    ("a_missing_password_is_reported", errors::password),
    ("a_missing_right_is_reported", errors::rights),
    ("a_replica_is_refused_for_writes_and_for_reads", errors::replica),
    ("a_server_that_is_out_of_memory_keeps_its_leaders", errors::memory),
    ("another_programs_key_is_left_alone", errors::wrong_type),
    ("a_cluster_node_without_slots_is_reported", errors::cluster),
    ("a_server_that_loads_its_data_is_retried", errors::loading),
    ("every_slot_of_a_cluster_is_served", cluster::slots),
    ("a_slot_that_moves_is_followed", cluster::moved),
    ("a_fail_over_of_a_cluster_is_followed", cluster::fail_over),
    ("tls_and_plain_text_do_not_mix", errors::tls),
    ("client_and_server_check_certificates", errors::certificates),
    ("an_unreachable_server_is_named", errors::refused),
    ("an_invalid_url_is_refused", errors::url),
    ("tokens_grow_after_everything_was_forgotten", tokens::forgotten),
    ("tokens_grow_without_their_counter", tokens::uncounted),
    ("a_counter_has_an_expiry_and_no_record_is_left", tokens::left_over),
    ("no_connection_is_left", clients::left_over),
    ("sentinels_report_the_master_after_a_fail_over", fail_over::sentinels),
    ("a_promoted_replica_may_elect_twice_with_a_higher_token", fail_over::promoted),
];

fn main() -> ExitCode {
    trials::run(TESTS, || redis_own(&RedisOptions::default()).map(drop))
}

/// A test that takes longer waits for something that will not happen.
const LIMIT: Duration = Duration::from_secs(120);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, future).await.expect("the test ends") })
}

fn server(arguments: &[&str]) -> test_servers::Server {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    redis_own(&RedisOptions { arguments, ..RedisOptions::default() }).unwrap()
}
