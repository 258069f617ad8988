//! `cargo xtask cluster down`

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::place::{ClusterDir, Lock};
use super::protocol::{self, Request};
use crate::output::say;

pub(super) fn run(cluster_dir: &ClusterDir) -> Result<ExitCode> {
    let Some(stream) = cluster_dir.connect()? else {
        say("already down\n");
        return Ok(ExitCode::SUCCESS);
    };
    protocol::ask(&stream, Request::Down)?;
    // The servers have stopped. The supervisor has exited once its lock is free.
    if let Lock::Busy(file) = cluster_dir.lock_for_supervisor()? {
        file.lock().context("could not wait for the supervisor's end")?;
    }
    say("down\n");
    Ok(ExitCode::SUCCESS)
}
