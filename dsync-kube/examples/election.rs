//! Keeps a token fresh in one of many replicas, on a real cluster.
//!
//! ```text
//! cargo run -p dsync-kube --example election
//! ```
//!
//! `KUBE_NAMESPACE`, `KUBE_LEASE_SCOPE`, `KUBE_POD_NAME` and `KUBE_CONFIG_PATH` configure it, and
//! `LEASE_SECONDS` sets the lease duration. SIGTERM and Ctrl-C end it cleanly: its work stops, then
//! the lease is released, and another replica leads immediately.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that prints")]

use std::time::Duration;

use dsync::{Config, Dsync, FenceGate, Result, Term, Timing};
use dsync_kube::KubeDriver;
use tokio::signal::unix::{SignalKind, signal};

/// Refreshes the token until the term ends.
async fn keep_token_fresh(term: Term) {
    println!("{} elected token={}", now(), term.fencing_token());
    let gate = FenceGate::new();
    loop {
        // Pass the fencing token to the service that stores the access token, so that it can refuse
        // a former leader. Here it is a gate in this process.
        if gate.admit(term.fencing_token()).is_ok() {
            println!("{} refreshed active={}", now(), term.is_active());
        }
        tokio::select! {
            () = term.ended() => break,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
    println!("{} stopped cause={:?} token={}", now(), term.cause(), term.fencing_token());
}

#[tokio::main]
async fn main() -> Result<()> {
    let seconds = std::env::var("LEASE_SECONDS").ok().and_then(|text| text.parse().ok());
    let timing = seconds.map_or_else(Timing::default, |s| Timing::new(Duration::from_secs(s)));
    let config = Config::from_env().with_timing(timing);
    let driver = KubeDriver::connect(&config).await?;
    let dsync = Dsync::new(driver, &config)?;

    let election = dsync.election("manage-access-token")?;
    println!("{} candidate={}", now(), election.instance());
    election.when_elected(keep_token_fresh);

    let mut changes = election.observe();
    let mut terminate = signals(SignalKind::terminate());
    let mut interrupt = signals(SignalKind::interrupt());
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            change = changes.next() => match change {
                Some(seen) => {
                    let leader = seen.leader.as_deref().unwrap_or("none");
                    println!("{} leader={leader} is_leader={}", now(), election.is_leader());
                    if let Some(trouble) = seen.trouble {
                        println!("{} trouble={trouble}", now());
                    }
                }
                // The campaign has ended for good. Its error says why.
                None => return election.stopped().await,
            }
        }
    }
    println!("{} terminating", now());
    dsync.shutdown().await;
    println!("{} released", now());
    Ok(())
}

#[expect(clippy::expect_used, reason = "without signals the program could not be ended cleanly")]
fn signals(kind: SignalKind) -> tokio::signal::unix::Signal {
    signal(kind).expect("the runtime has its I/O driver")
}

/// Returns wall-clock microseconds, so that the lines of several processes can be sorted.
fn now() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_micros()
}
