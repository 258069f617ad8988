//! The suite against mutants: drivers and cores that are broken on purpose.
//!
//! A mutant is killed if its test fails by the expected assertion, and if the same test of the same
//! build passes without the mistake. A test that cannot run, by a lack of its server, proves nothing:
//! its mutants neither survive nor are they killed.

mod build;
mod cores;
mod drivers;
mod fate;
mod mutant;
mod mutants;
mod process;
mod recorded;
mod servers;
mod summary;
mod workspace;

use anyhow::{Context as _, Result};
use serde_json::Value;

pub(crate) use self::summary::Summary;
use super::place::Place;
use super::{SLACK, shell};
use crate::cargo::cargo;
use crate::output::say;

/// Runs all mutants, and writes lists of them for reports. Whether none of them makes it fail.
pub(super) fn run(place: &Place) -> Result<bool> {
    say("\n=== mutants of the driver in memory\n");
    let mut passed = in_memory(place)?;
    say("\n=== mutants of the core\n");
    let cores = cores()?;
    write(place, "cores.json", cores.kills())?;
    say("\n=== mutants of drivers of real servers\n");
    let servers = drivers()?;
    write(place, "servers.json", servers.kills())?;
    for summary in [cores, servers] {
        passed &= summary.failure().is_none();
        if let Some(not_run) = summary.not_run() {
            say(&format!("NOT RUN, and not in the report: {not_run}\n"));
        }
    }
    Ok(passed)
}

/// Mutants of the core.
pub(super) fn cores() -> Result<Summary> {
    cores::run()
}

/// Mutants of drivers of real servers.
pub(super) fn drivers() -> Result<Summary> {
    drivers::run()
}

/// Mutants of the driver in memory, which are part of the suite.
fn in_memory(place: &Place) -> Result<bool> {
    // Selected as all tests are: the selection decides what the dependencies are built with.
    let mut command = cargo(["test", "--locked", "--workspace", "--test", "mutants"]);
    command.env("DSYNC_CONFORMANCE_KILLS", place.of_kills()?.join("drivers.json"));
    shell::run(&command, SLACK, |_| {})
}

fn write(place: &Place, name: &str, kills: &[Value]) -> Result<()> {
    let file = place.of_kills()?.join(name);
    std::fs::write(&file, serde_json::to_string_pretty(kills)?)
        .with_context(|| format!("failed to write {}", file.display()))
}
