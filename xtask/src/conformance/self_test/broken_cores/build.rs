//! The simulation on a core with every mistake in it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::super::workspace::{Broken, cargo_in};
use super::mutants::MUTANTS;

const CORE: Broken = Broken {
    crates: &["dsync", "dsync-mock", "dsync-conformance"],
    package: "dsync",
    mutants: MUTANTS,
    list: "broken_cores/mutants.rs",
};

/// Builds it. Where it is.
pub(crate) fn build(root: &Path, folder: &Path) -> Result<PathBuf> {
    let (workspace, target) = (folder.join("workspace"), folder.join("target"));
    CORE.copy(root, &workspace)?;
    let args = ["build", "--release", "-p", "dsync-conformance", "--bin", "simulate"];
    let mut command = cargo_in(&workspace, &target, args);
    if !command.status().context("failed to run cargo")?.success() {
        bail!("the broken cores do not build; the edits of their list no longer fit the core");
    }
    Ok(target.join("release").join(format!("simulate{}", std::env::consts::EXE_SUFFIX)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_mistake_fits_the_core() {
        super::CORE.check_that_every_mistake_fits();
    }
}
