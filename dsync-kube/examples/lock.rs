//! Takes one lock per account, and runs work under a lock, on a real cluster.
//!
//! ```text
//! ACCOUNT_ID=42 cargo run -p dsync-kube --example lock
//! ```
//!
//! SIGTERM and Ctrl-C end it cleanly: the work under the lock is dropped, then the lock is released.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that prints")]

use std::time::Duration;

use dsync::{Config, Dsync, Resource, Result};
use dsync_kube::KubeDriver;
use tokio::signal::unix::{SignalKind, signal};

/// Checks an account while no other replica checks it.
async fn check_account(dsync: &Dsync, account: &str) -> Result<()> {
    // Account numbers are data, so the name is sanitized.
    let name = Resource::sanitized(&format!("check-account-{account}"));
    let lock = dsync.lock(name.name())?;
    let Some(guard) = lock.try_lock().await? else {
        println!("{account}: {:?} is already checking it", lock.holder().await?);
        return Ok(());
    };
    println!("{account}: locked, token {}", guard.fencing_token());
    match guard.run(tokio::time::sleep(Duration::from_millis(500))).await {
        Some(()) => println!("{account}: checked"),
        None => println!("{account}: the lock was lost, so the check was dropped"),
    }
    guard.unlock().await
}

async fn work(dsync: &Dsync) -> Result<()> {
    let account = std::env::var("ACCOUNT_ID").unwrap_or_else(|_| "42".to_owned());
    check_account(dsync, &account).await?;

    // Wait for a lock, for at most one minute, run something under it, unlock.
    let lock = dsync.lock("lock-name")?;
    let Some(guard) = lock.lock_timeout(Duration::from_secs(60)).await? else {
        println!("lock-name: not acquired within a minute");
        return Ok(());
    };
    guard.run(async { println!("lock-name: only one replica prints this at a time") }).await;
    guard.unlock().await
}

#[tokio::main]
async fn main() -> Result<()> {
    let config = Config::from_env();
    let dsync = Dsync::new(KubeDriver::connect(&config).await?, &config)?;
    let terminated = async {
        let (terminate, interrupt) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        if let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
    };
    let result = tokio::select! {
        result = work(&dsync) => result,
        () = terminated => Ok(()),
    };
    dsync.shutdown().await;
    result
}
