//! With the option set, the process ends when work blocks past the hard deadline.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::process::Command;
use std::time::Duration;

use dsync::{Config, Dsync, Timing};
use dsync_mock::MockDriver;

const CHILD: &str = "DSYNC_TEST_ABORT";

#[test]
fn a_process_whose_work_blocks_is_aborted_by_the_watchdog() {
    if std::env::var_os(CHILD).is_some() {
        block_for_ever();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_whose_work_blocks_is_aborted_by_the_watchdog", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(!output.status.success(), "it went on");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("blocks its thread past the hard deadline"), "{text}");
    assert!(text.contains("unscoped.election.task"), "it names what for: {text}");
}

/// Blocks the only thread of the runtime, so that nothing but another thread can end it.
fn block_for_ever() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = Config::new("pod-a")
            .with_timing(Timing::new(Duration::from_millis(400)))
            .with_abort_on_overrun(true);
        let election = Dsync::new(MockDriver::new(), config).unwrap().election("task").unwrap();
        election.when_elected(|_| async {
            let (_hold, wait) = std::sync::mpsc::channel::<()>();
            let _ = wait.recv_timeout(Duration::from_secs(60));
        });
        election.stopped().await.unwrap();
    });
}
