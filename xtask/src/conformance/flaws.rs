//! Drivers that are broken on purpose, to see that the suite finds it.

use anyhow::Result;

use super::place::Place;
use super::{SLACK, shell};
use crate::output::say;
use crate::test::cargo;

/// Broken drivers, each tied to the rule that must find it. Whether all were found.
pub(super) fn run(place: &Place) -> Result<bool> {
    say("\n=== what is broken on purpose\n");
    let mut command = cargo(["test", "--locked", "-p", "dsync-conformance", "--test", "flaws"]);
    command.env("DSYNC_CONFORMANCE_REPORT", place.of_self_test()?);
    shell::run(&command, SLACK, |_| {})
}
