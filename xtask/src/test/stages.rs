//! What is run, in this order: what is quick and fails often comes first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use control_plane::{ControlPlane, Options};

use super::shell::run;
use super::{Context, Outcome};
use crate::output::say;

pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) run: fn(&mut Context) -> Result<Outcome>,
}

pub(super) const STAGES: &[Stage] = &[
    Stage { name: "fmt", about: "the code is formatted", run: fmt },
    Stage { name: "tree", about: "dsync itself needs at most 30 crates", run: tree },
    Stage { name: "clippy", about: "no lint is violated", run: clippy },
    Stage { name: "cluster", about: "a real kube-apiserver, for the tests", run: cluster },
    Stage { name: "test", about: "all tests", run: test },
    Stage { name: "examples", about: "the first command of the README", run: examples },
    Stage { name: "doc", about: "the documentation builds without a warning", run: doc },
    Stage { name: "msrv", about: "no dependency asks for a newer Rust than we state", run: msrv },
    Stage { name: "package", about: "every published crate packs and builds", run: package },
    Stage { name: "deny", about: "licences, bans and sources of the dependencies", run: deny },
];

const PUBLISHED: [&str; 3] = ["dsync", "dsync-mock", "dsync-kube"];
/// The most crates in the normal dependency tree of `dsync`, itself included.
const MOST_CRATES: usize = 30;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn verdict(succeeded: bool, what: &str) -> Outcome {
    if succeeded { Outcome::Passed } else { Outcome::Failed(what.to_owned()) }
}

fn has(tool: &str) -> bool {
    cargo().args([tool, "--version"]).output().is_ok_and(|output| output.status.success())
}

fn fmt(context: &mut Context) -> Result<Outcome> {
    if !has("fmt") {
        return Ok(Outcome::NotRun("no rustfmt; `rustup component add rustfmt`".to_owned()));
    }
    let passed = run(cargo().args(["fmt", "--all", "--check"]), &mut context.tally)?;
    Ok(verdict(passed, "`cargo fmt --all` mends it"))
}

fn clippy(context: &mut Context) -> Result<Outcome> {
    if !has("clippy") {
        return Ok(Outcome::NotRun("no clippy; `rustup component add clippy`".to_owned()));
    }
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    Ok(verdict(run(cargo().args(args), &mut context.tally)?, "see the warnings above"))
}

#[expect(clippy::unnecessary_wraps, reason = "the form of every stage")]
fn cluster(context: &mut Context) -> Result<Outcome> {
    match ControlPlane::start(Options::default()) {
        Ok(control_plane) => {
            say(&format!("kube-apiserver {} answers\n", control_plane.version()));
            context.control_plane = Some(control_plane);
            Ok(Outcome::Passed)
        }
        Err(error) => Ok(Outcome::NotRun(format!("{error:#}"))),
    }
}

fn test(context: &mut Context) -> Result<Outcome> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    if let Some(control_plane) = &context.control_plane {
        command.env("DSYNC_TEST_KUBECONFIG", control_plane.kubeconfig());
    }
    if context.require_all {
        command.env("DSYNC_REQUIRE", "all");
    }
    Ok(verdict(run(&mut command, &mut context.tally)?, "see the failures above"))
}

fn examples(context: &mut Context) -> Result<Outcome> {
    let built = ["build", "--locked", "--example", "failover"];
    if !run(cargo().args(built), &mut context.tally)? {
        return Ok(Outcome::Failed("it does not build".to_owned()));
    }
    let started = Instant::now();
    let passed =
        run(cargo().args(["run", "--locked", "--example", "failover"]), &mut context.tally)?;
    if started.elapsed() > Duration::from_secs(10) {
        return Ok(Outcome::Failed(format!("it took {:?}, not 10 s", started.elapsed())));
    }
    Ok(verdict(passed, "it failed"))
}

fn doc(context: &mut Context) -> Result<Outcome> {
    let mut command = cargo();
    command
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings");
    Ok(verdict(run(&mut command, &mut context.tally)?, "see the warnings above"))
}

fn tree(_: &mut Context) -> Result<Outcome> {
    let args = ["tree", "-p", "dsync", "-e", "normal", "--prefix", "none", "--locked"];
    let output = cargo().args(args).output().context("failed to run cargo tree")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut crates: Vec<&str> =
        text.lines().filter_map(|line| line.split(' ').next()).filter(|n| !n.is_empty()).collect();
    crates.sort_unstable();
    crates.dedup();
    say(&format!("{} crates: {}\n", crates.len(), crates.join(" ")));
    Ok(verdict(
        (2..=MOST_CRATES).contains(&crates.len()),
        &format!("{} crates, at most {MOST_CRATES}", crates.len()),
    ))
}

fn package(context: &mut Context) -> Result<Outcome> {
    let mut command = cargo();
    command.args(["package", "--locked", "--allow-dirty"]);
    for name in PUBLISHED {
        command.args(["-p", name]);
    }
    Ok(verdict(run(&mut command, &mut context.tally)?, "see the error above"))
}

/// The `rust-version` of every dependency against our own. Clippy's `incompatible_msrv` looks at
/// our own code; a build with that very toolchain is a job of its own on the CI service.
fn msrv(_: &mut Context) -> Result<Outcome> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .context("failed to run cargo metadata")?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages in cargo metadata")?;
    let version = |package: &serde_json::Value| -> Option<Vec<u32>> {
        package["rust_version"].as_str()?.split('.').map(|part| part.parse().ok()).collect()
    };
    let ours = packages
        .iter()
        .find(|package| package["name"] == "dsync")
        .and_then(version)
        .context("dsync states no rust-version")?;
    let newer: Vec<String> = packages
        .iter()
        .filter(|package| {
            version(package).is_some_and(|theirs| theirs > [&ours[..], &[0]].concat())
        })
        .map(|package| format!("{} {}", package["name"], package["rust_version"]))
        .collect();
    say(&format!("{} packages, ours is {ours:?}\n", packages.len()));
    Ok(verdict(newer.is_empty(), &newer.join(", ")))
}

fn deny(context: &mut Context) -> Result<Outcome> {
    if !has("deny") {
        let text = "no cargo-deny; `cargo install --locked cargo-deny`".to_owned();
        let install = ["install", "--locked", "cargo-deny", "--version", "0.20.2"];
        if !context.require_all || !run(cargo().args(install), &mut context.tally)? {
            return Ok(Outcome::NotRun(text));
        }
    }
    let args = ["deny", "--locked", "check", "bans", "licenses", "sources"];
    Ok(verdict(run(cargo().args(args), &mut context.tally)?, "see the errors above"))
}
