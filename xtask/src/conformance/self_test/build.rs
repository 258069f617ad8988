//! Builds of the copy, and what they cost.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::workspace::Workspace;
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
    /// How many were up to date.
    fresh: BTreeSet<String>,
}

/// The simulation, on the mutated core.
///
/// It is selected as by `cargo xtask test --only simulate`, since the selection decides which
/// features the dependencies are built with.
pub(crate) fn simulation(workspace: &Workspace) -> Result<PathBuf> {
    let args = ["build", "--locked", "--release", "-p", "dsync-conformance", "--bin", "simulate"];
    let built = build(workspace, &mut workspace.cargo(args))?;
    built.program(workspace, "dsync-conformance", "simulate")
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
    let started = Instant::now();
    let output = command
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run cargo")?;
    if !output.status.success() {
        bail!(
            "the mutants do not build in {}: change their edits in \
             xtask/src/conformance/self_test/mutants along with the crates",
            workspace.root().display()
        );
    }
    let mut built = Built::read(&String::from_utf8_lossy(&output.stdout), workspace)?;
    built.cost.took = started.elapsed();
    say(&format!("{}\n", built.cost));
    Ok(built)
}

impl Built {
    /// From the messages of Cargo.
    fn read(messages: &str, workspace: &Workspace) -> Result<Self> {
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
        let mut built = Self::default();
        let cost = &mut built.cost;
        for line in messages.lines() {
            let message: serde_json::Value = serde_json::from_str(line)
                .with_context(|| format!("cargo wrote {line:?}, which is no message"))?;
            if message["reason"] != "compiler-artifact" {
                continue;
            }
            let artifact: Artifact = serde_json::from_value(message)
                .with_context(|| format!("cargo wrote {line:?}, which is no artifact"))?;
            let is_own = artifact.manifest_path.starts_with(workspace.root());
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
        // A package has several artifacts, of which some may have been there.
        cost.fresh.retain(|id| !cost.own.contains(id) && !cost.others.contains(id));
        Ok(built)
    }

    /// A program of a package, by the name of its target.
    pub(crate) fn program(
        &self,
        workspace: &Workspace,
        package: &str,
        name: &str,
    ) -> Result<PathBuf> {
        let package = workspace.of(package);
        let found =
            self.programs.iter().find(|program| program.package == package && program.name == name);
        let found = found.with_context(|| {
            format!("cargo has built no program {name} of {}", package.display())
        })?;
        Ok(found.path.clone())
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
