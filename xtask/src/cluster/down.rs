//! `cargo xtask cluster down`

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::place::{Lock, Place};
use super::protocol::{self, Request};
use crate::output::say;

pub(super) fn run(place: &Place) -> Result<ExitCode> {
    let Some(stream) = place.connect()? else {
        say("already down\n");
        return Ok(ExitCode::SUCCESS);
    };
    protocol::ask(&stream, Request::Down)?;
    // The servers are gone by now; the supervisor is once its lock is free.
    if let Lock::Busy(file) = place.lock_for_supervisor()? {
        file.lock().context("could not wait for the supervisor's end")?;
    }
    say("down\n");
    Ok(ExitCode::SUCCESS)
}
