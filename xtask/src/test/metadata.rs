//! Cargo's metadata of the workspace and its dependencies.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::cargo::cargo;

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    workspace_members: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) rust_version: Option<String>,
    /// The registries that it may be published to. An empty list means `publish = false`.
    publish: Option<Vec<String>>,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

impl Metadata {
    pub(super) fn load() -> Result<Self> {
        let output = cargo(["metadata", "--format-version", "1", "--locked"])
            .output()
            .context("failed to run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context("failed to read cargo metadata")
    }

    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    pub(super) fn published(&self) -> impl Iterator<Item = &Package> {
        self.members().filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
    }
}

impl Dependency {
    /// Returns whether users of the crate also get this dependency.
    pub(super) fn ships(&self) -> bool {
        self.kind.as_deref() != Some("dev")
    }
}
