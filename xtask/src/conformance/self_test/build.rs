//! Builds of the copy.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::workspace::Workspace;
use crate::built::Built;

/// The simulation, on the mutated core.
///
/// It is selected as by `cargo xtask test --only simulate`, since the selection decides which
/// features the dependencies are built with.
pub(crate) fn simulation(workspace: &Workspace) -> Result<PathBuf> {
    let args = ["build", "--locked", "--release", "-p", "dsync-conformance", "--bin", "simulate"];
    let built = build(workspace, &mut workspace.cargo(args))?;
    Ok(built.program(&workspace.of("dsync-conformance"), "simulate")?.to_owned())
}

/// The tests of the mutated drivers on servers, selected as by stage `test`.
pub(crate) fn tests(workspace: &Workspace) -> Result<Built> {
    let args = [
        "test",
        "--locked",
        "--workspace",
        "--no-run",
        "--test",
        "conformance",
        "--test",
        "server",
    ];
    build(workspace, &mut workspace.cargo(args))
}

fn build(workspace: &Workspace, command: &mut Command) -> Result<Built> {
    Built::by(command, &workspace.root())?.with_context(|| {
        format!(
            "the mutants do not build in {}: change their edits in \
             xtask/src/conformance/self_test/mutants along with the crates",
            workspace.root().display()
        )
    })
}
