//! The driver with the whole library, on etcd clusters that are set up for each test.
//!
//! They need an `etcd` on PATH or that of the control plane. Without one, the tests are reported as
//! ignored; with `DSYNC_REQUIRE=all` they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests on real servers, in real time"
)]

mod errors;
mod leases;
mod members;

use std::process::ExitCode;
use std::time::Duration;

use dsync::Resource;
use dsync::driver::{Acquired, Claim, Driver as _, Holder, Key, KeyKind, Lease, Nonce};
use dsync_etcd::{EtcdDriver, EtcdOptions};
use etcd_client::Client;
use test_servers::trials::{self, Test};
use test_servers::{Server, etcd_own};

const TESTS: &[Test] = &[
    ("a_missing_user_is_reported", errors::user),
    ("a_missing_right_is_reported", errors::rights),
    ("superfluous_credentials_are_reported", errors::unwanted),
    ("an_expired_token_is_renewed", errors::token),
    ("a_full_store_is_reported", errors::space),
    ("tls_and_plain_text_do_not_mix", errors::tls),
    ("client_and_server_check_certificates", errors::certificates),
    ("an_unreachable_server_is_named", errors::refused),
    ("a_duration_that_is_too_long_is_refused", errors::too_long),
    ("a_store_lease_is_reused_while_it_is_young", leases::used_again),
    ("one_spare_remains_until_the_driver_is_closed", leases::left_over),
    ("a_store_lease_of_an_unknown_outcome_is_left_alone", leases::unknown_outcome),
    ("a_renewal_without_its_key_is_none", leases::without_key),
    ("an_answer_that_comes_late_belongs_to_no_other_renewal", leases::late_answer),
    ("a_key_has_a_store_lease_of_its_own", leases::of_its_own),
    ("a_watch_survives_a_compaction", members::compaction),
    ("a_dead_member_is_replaced_by_the_next", members::dead),
    ("a_paused_leader_does_not_block_a_hand_over", members::paused),
    ("a_member_without_a_majority_is_reported", members::alone),
];

fn main() -> ExitCode {
    trials::run(TESTS, || etcd_own(&test_servers::EtcdOptions::default()).map(drop))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(future)
}

fn cluster(members: usize, arguments: &[&str]) -> Server {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    etcd_own(&test_servers::EtcdOptions { members, arguments, ..Default::default() }).unwrap()
}

/// Returns the endpoints of a cluster.
fn endpoints(server: &Server) -> Vec<String> {
    let hosts = server.url().trim_start_matches("etcd://").split(',');
    hosts.map(|host| format!("http://{host}")).collect()
}

async fn client(server: &Server) -> Client {
    Client::connect(endpoints(server), None).await.unwrap()
}

fn driver(server: &Server) -> EtcdDriver {
    EtcdDriver::open(EtcdOptions::from_url(server.url()).unwrap()).unwrap()
}

fn key(name: &str) -> Key {
    Resource::new(name).with_scope("default").key(KeyKind::Lock)
}

fn claim(nonce: u64) -> Claim {
    Claim::new(Holder::new("a", Nonce::new(nonce)), Duration::from_secs(10))
}

async fn win(driver: &EtcdDriver, key: &Key, nonce: u64) -> Lease {
    match driver.acquire(key, &claim(nonce)).await.unwrap() {
        Acquired::Won(lease) => lease,
        Acquired::Held(held) => panic!("held: {held:?}"),
    }
}

/// Waits until the condition holds.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let look = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), look).await.expect(what);
}
