//! One copy of the workspace with every mutant in it.
//!
//! All mutants are built at once, and an environment variable chooses one when a program runs. The
//! copy shares Cargo's intermediate artifacts with the workspace itself, so that no dependency is
//! built again. What Cargo compares to tell whether a crate is up to date is its path below the root
//! of the workspace and the times of its files. So the crates of the copy are in a folder of their
//! own, which keeps them apart from those of the workspace, and a file is only written when its
//! content changes, which lets a second run compile nothing.

mod edits;
mod files;
mod manifest;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use self::files::Files;
use super::mutants;
use crate::cargo::{cargo, root};

/// The environment variable that chooses a mutant, such as `dsync-redis/releases-in-silence`.
pub(crate) const CHOICE: &str = "DSYNC_MUTANT";

/// The folder of the copy that has its crates.
const CRATES: &str = "mutated";

/// The copy.
#[derive(Debug)]
pub(crate) struct Workspace {
    folder: PathBuf,
    /// Where Cargo keeps intermediate artifacts of the workspace itself.
    build: PathBuf,
}

impl Workspace {
    /// Makes the copy, or brings it up to date.
    pub(crate) fn refresh() -> Result<Self> {
        // Always the same: two copies would take each other's artifacts for their own.
        let folder = control_plane::target_dir().join("conformance/mutants");
        let mut files = copy(&root())?;
        for mutated in mutants::all() {
            edits::apply(&mut files, &Path::new(CRATES).join(mutated.package), mutated)?;
        }
        files.write(&folder.join("workspace"))?;
        Ok(Self { folder, build: build_folder()? })
    }

    /// The root of the copy.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("workspace")
    }

    /// The folder of a crate.
    pub(crate) fn of(&self, package: &str) -> PathBuf {
        self.root().join(CRATES).join(package)
    }

    /// Where Cargo puts final artifacts of the copy.
    pub(crate) fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Where runs leave what they say.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// A Cargo that builds the copy.
    pub(crate) fn cargo<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut command = cargo(args);
        command.current_dir(self.root());
        command.env("CARGO_TARGET_DIR", self.target());
        // Cargo knows it since 1.91. Older ones build the dependencies again.
        command.env("CARGO_BUILD_BUILD_DIR", &self.build);
        command
    }
}

/// The files of the workspace at `root`, as the copy has them, without mistakes.
fn copy(root: &Path) -> Result<Files> {
    let text = files::read(&root.join("Cargo.toml"))?;
    let members = manifest::members(&text)?;
    let mut files = Files::default();
    files.add("Cargo.toml", manifest::of_workspace(&text, CRATES)?);
    files.add("Cargo.lock", files::read(&root.join("Cargo.lock"))?);
    for member in members {
        let place = Path::new(CRATES).join(&member);
        files.add_folder(&root.join(&member), &place)?;
        let own = place.join("Cargo.toml");
        let is_mutated = mutants::all().any(|mutated| Path::new(mutated.package) == member);
        if !is_mutated {
            // Their tests judge no mutant, and need not be built.
            files.edit(&own, manifest::without_tests)?;
        }
    }
    Ok(files)
}

/// Where Cargo keeps the intermediate artifacts of the workspace.
fn build_folder() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
        /// Since Cargo 1.91.
        build_directory: Option<PathBuf>,
    }
    let output = cargo(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .context("failed to run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("failed to read cargo metadata")?;
    Ok(metadata.build_directory.unwrap_or(metadata.target_directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What keeps a change of a crate from leaving a mistake behind that cannot be made any more.
    #[test]
    fn every_mutant_fits_its_crate() {
        let mut files = copy(&root()).unwrap();
        for mutated in mutants::all() {
            edits::apply(&mut files, &Path::new(CRATES).join(mutated.package), mutated).unwrap();
        }
    }
}
