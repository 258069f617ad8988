//! Programs that Cargo built, and statistics of the build.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::output::say;

/// Programs that were built.
#[derive(Debug, Default)]
pub(crate) struct Built {
    programs: Vec<Program>,
    cost: Cost,
}

#[derive(Debug)]
struct Program {
    package: PathBuf,
    name: String,
    path: PathBuf,
}

#[derive(Debug, Default)]
struct Cost {
    took: Duration,
    /// Packages of the workspace that were compiled, and others.
    own: BTreeSet<String>,
    others: BTreeSet<String>,
    /// Packages that were up to date.
    fresh: BTreeSet<String>,
}

impl Built {
    /// Runs `command`, a Cargo build in the workspace at `root`, and prints statistics of the
    /// build. Returns `None` if the build failed; Cargo has printed why.
    pub(crate) fn by(command: &mut Command, root: &Path) -> Result<Option<Self>> {
        let started = Instant::now();
        let output = command
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run cargo")?;
        if !output.status.success() {
            return Ok(None);
        }
        let mut built = Self::read(&String::from_utf8_lossy(&output.stdout), root)?;
        built.cost.took = started.elapsed();
        say(&format!("{}\n", built.cost));
        Ok(Some(built))
    }

    /// Parses Cargo's JSON messages.
    fn read(messages: &str, root: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Artifact {
            package_id: String,
            manifest_path: PathBuf,
            target: Target,
            fresh: bool,
            executable: Option<PathBuf>,
        }
        #[derive(Deserialize)]
        struct Target {
            name: String,
        }
        let root = &root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let mut built = Self::default();
        let cost = &mut built.cost;
        for line in messages.lines() {
            let message: serde_json::Value = serde_json::from_str(line)
                .with_context(|| format!("cargo wrote {line:?}, which is not a message"))?;
            if message["reason"] != "compiler-artifact" {
                continue;
            }
            let artifact: Artifact = serde_json::from_value(message)
                .with_context(|| format!("cargo wrote {line:?}, which is not an artifact"))?;
            let is_own = artifact.manifest_path.starts_with(root);
            match (artifact.fresh, is_own) {
                (true, _) => &mut cost.fresh,
                (false, true) => &mut cost.own,
                (false, false) => &mut cost.others,
            }
            .insert(artifact.package_id);
            let package = artifact.manifest_path.parent().map(PathBuf::from).unwrap_or_default();
            built.programs.extend(artifact.executable.map(|path| Program {
                package,
                name: artifact.target.name,
                path,
            }));
        }
        // A package can have several artifacts, some of them up to date and others compiled.
        cost.fresh.retain(|id| !cost.own.contains(id) && !cost.others.contains(id));
        Ok(built)
    }

    /// Returns the program with this package directory and target name.
    pub(crate) fn program(&self, package: &Path, name: &str) -> Result<&Path> {
        // Cargo reports paths without links.
        let package = package.canonicalize().unwrap_or_else(|_| package.to_owned());
        let mut programs = self.programs.iter();
        let found = programs.find(|program| program.package == package && program.name == name);
        let found = found.with_context(|| {
            format!("cargo did not build a program {name} in {}", package.display())
        })?;
        Ok(&found.path)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took, own, others, fresh } = self;
        write!(
            f,
            "built in {took:.1?}: compiled {} crates of the workspace and {} of the registry, {} \
             were up to date",
            own.len(),
            others.len(),
            fresh.len()
        )
    }
}
