//! The stages in the order in which they run: fast stages that fail often come first.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use control_plane::{ControlPlane, Options, binaries};

use super::metadata::Metadata;
use super::tally::NotRun;
use super::{Context, Outcome, package, tidy, ways};
use crate::cargo::{cargo, has, root, rustup};
use crate::conformance;
use crate::output::say;
use crate::setup::{self, Missing};
use crate::shell;
use crate::structure;

/// A part of `cargo xtask test` or `cargo xtask ci`.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) size: Size,
    /// The usual duration on two cores after a code change, with the dependencies and servers
    /// already built.
    pub(super) typical: Duration,
    /// The maximum duration, with nothing built yet.
    pub(super) limit: Duration,
    pub(super) run: fn(&mut Context) -> Result<Outcome>,
}

/// The commands that run a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Both `cargo xtask test` and `cargo xtask ci`.
    Tests,
    /// Only `cargo xtask ci`.
    Ci,
}

pub(super) const STAGES: &[Stage] = &[
    stage("setup", Size::Tests, seconds(1), minutes(10), "the programs that the tests need", setup),
    stage("fmt", Size::Ci, seconds(3), minutes(1), "the code is formatted", fmt),
    stage("tidy", Size::Ci, seconds(1), minutes(1), "file sizes, dependencies, links", tidy),
    stage("tree", Size::Ci, seconds(1), minutes(1), "dsync needs at most 30 crates", tree),
    stage("clippy", Size::Ci, seconds(60), minutes(8), "no lint is violated", clippy),
    stage(CLUSTER, Size::Tests, seconds(10), minutes(20), "a real kube-apiserver", cluster),
    stage("build", Size::Tests, seconds(60), minutes(10), "all tests are compiled", build),
    stage(TEST, Size::Tests, minutes(5), minutes(20), "all tests, on real servers as well", test),
    stage("ways", Size::Tests, seconds(30), minutes(15), "servers in containers, and by URL", ways),
    stage("simulate", Size::Ci, minutes(7), minutes(22), "100,000 schedules of faults", simulate),
    stage(
        "mutants",
        Size::Ci,
        minutes(4),
        minutes(12),
        "the suite kills every mutant of the core",
        mutants,
    ),
    stage(
        "drivers",
        Size::Ci,
        minutes(4),
        minutes(10),
        "tests kill every mutant of the drivers",
        broken_drivers,
    ),
    stage("reports", Size::Ci, seconds(10), minutes(3), "what rules and reports generate", reports),
    stage("examples", Size::Ci, seconds(20), minutes(3), "the README's first command", examples),
    stage("doc", Size::Ci, seconds(30), minutes(5), "the documentation has no warning", doc),
    stage("package", Size::Ci, minutes(2), minutes(8), "every published crate packs", package),
    stage("deny", Size::Ci, seconds(10), minutes(8), "licences and sources", deny),
    stage("msrv", Size::Ci, seconds(5), minutes(8), "nothing needs a newer Rust", msrv),
];

const fn stage(
    name: &'static str,
    size: Size,
    typical: Duration,
    limit: Duration,
    about: &'static str,
    run: fn(&mut Context) -> Result<Outcome>,
) -> Stage {
    Stage { name, about, size, typical, limit, run }
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// The stage that waits for the servers of the control plane.
const CLUSTER: &str = "cluster";
/// The stage whose tests are counted one by one.
pub(super) const TEST: &str = "test";

/// The maximum number of crates in the normal dependency tree of `dsync`, itself included.
const MOST_CRATES: usize = 30;
/// How long the example of the README may run.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(10);
/// How long the download of the advisories may take before it counts as unreachable.
const FETCH_LIMIT: Duration = Duration::from_secs(2 * 60);
const CARGO_DENY: &str = "0.20.2";
/// Hides the inclusion graph, which is long and available from `cargo tree`.
const DENY: [&str; 7] =
    ["deny", "--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];

fn setup(context: &mut Context) -> Result<Outcome> {
    let missing = setup::install()?;
    // A build of the servers takes minutes, and the next stages do not need them.
    if STAGES.iter().any(|stage| stage.name == CLUSTER && context.request.wants(stage)) {
        context.binaries = Some(std::thread::spawn(|| binaries::find(Options::default().report)));
    }
    if missing.is_empty() {
        return Ok(Outcome::Passed);
    }
    let lines = missing.iter().map(|Missing { program, without, remedy }| {
        format!("{program} is missing, which is needed for {without} ({remedy})")
    });
    Ok(Outcome::NotRun(lines.collect::<Vec<_>>().join("; ")))
}

fn run(command: &Command) -> Result<bool> {
    shell::run(command, shell::LIMIT, |_| {})
}

fn run_cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, why: &str) -> Result<Outcome> {
    Ok(verdict(run(&cargo(args))?, why))
}

fn verdict(passed: bool, why: &str) -> Outcome {
    if passed { Outcome::Passed } else { Outcome::Failed(why.to_owned()) }
}

fn fmt(_: &mut Context) -> Result<Outcome> {
    if !has("fmt") {
        return Ok(Outcome::NotRun("no rustfmt: `rustup component add rustfmt`".to_owned()));
    }
    run_cargo(["fmt", "--all", "--check"], "`cargo fmt --all` fixes it")
}

fn tidy(_: &mut Context) -> Result<Outcome> {
    let mut problems = tidy::problems(&root(), &Metadata::load()?)?;
    problems.extend(structure::problems(&root())?);
    for problem in &problems {
        say(&format!("{problem}\n"));
    }
    Ok(verdict(problems.is_empty(), &format!("{} problems, shown above", problems.len())))
}

fn tree(_: &mut Context) -> Result<Outcome> {
    let output = cargo(["tree", "-p", "dsync", "-e", "normal", "--prefix", "none", "--locked"])
        .output()
        .context("failed to run cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut crates: Vec<_> = text.lines().filter_map(|l| l.split_whitespace().next()).collect();
    crates.sort_unstable();
    crates.dedup();
    let found = format!("{} crates, at most {MOST_CRATES}", crates.len());
    say(&format!("{found}: {}\n", crates.join(" ")));
    Ok(verdict(crates.len() <= MOST_CRATES, &found))
}

fn clippy(_: &mut Context) -> Result<Outcome> {
    if !has("clippy") {
        return Ok(Outcome::NotRun("no clippy: `rustup component add clippy`".to_owned()));
    }
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    run_cargo(args, "see the warnings above")
}

fn cluster(context: &mut Context) -> Result<Outcome> {
    let found = match context.binaries.take() {
        Some(search) => {
            say("waiting for the server programs\n");
            search.join().map_err(|_| anyhow!("the search for the servers panicked"))?
        }
        None => binaries::find(Options::default().report),
    };
    if let Err(error) = found {
        return Ok(Outcome::NotRun(format!("{error:#}")));
    }
    let control_plane = ControlPlane::start(Options::default())?;
    say(&format!("kube-apiserver {} answers\n", control_plane.version()));
    context.control_plane = Some(control_plane);
    Ok(Outcome::Passed)
}

/// The arguments that stages `build` and `test` share, so that `test` compiles nothing.
pub(super) const ALL_TESTS: [&str; 4] = ["test", "--workspace", "--locked", "--no-fail-fast"];

fn build(_: &mut Context) -> Result<Outcome> {
    run_cargo(ALL_TESTS.iter().chain(&["--no-run"]), "see the errors above")
}

fn test(context: &mut Context) -> Result<Outcome> {
    let mut command = cargo(ALL_TESTS);
    if let Some(control_plane) = &context.control_plane {
        command.env("DSYNC_TEST_KUBECONFIG", control_plane.kubeconfig());
        // The suite kills its server, and the other tests still need the shared one.
        command.env("DSYNC_CONFORMANCE_SERVER", "own");
    }
    setup::prefer_programs(&mut command);
    if context.request.require_all {
        command.env("DSYNC_REQUIRE", "all");
    }
    let mut not_run = NotRun::default();
    let passed = shell::run(&command, shell::LIMIT, |line| {
        context.tests.add_line(line);
        not_run.add_line(line);
    })?;
    // Tests of rules that do not apply to a driver are skipped as well; nothing is missing for them.
    Ok(match not_run.reasons() {
        _ if !passed => Outcome::Failed("see the failures above".to_owned()),
        None => Outcome::Passed,
        Some(reasons) => Outcome::PassedBut(format!("not all tests were run: {reasons}")),
    })
}

fn ways(context: &mut Context) -> Result<Outcome> {
    if let Some(trouble) = ways::trouble() {
        return Ok(Outcome::NotRun(trouble));
    }
    let servers: &[_] = &[("test-servers", "own")];
    let drivers: &[_] = &[
        ("dsync-redis", "server"),
        ("dsync-redis", "conformance"),
        ("dsync-etcd", "server"),
        ("dsync-etcd", "conformance"),
    ];
    let all = context.request.all;
    let tests = if all { [servers, drivers].concat() } else { servers.to_vec() };
    let images = match ways::images() {
        Ok(images) => images,
        Err(why) => return Ok(Outcome::NotRun(format!("{why:#}"))),
    };
    if !ways::run("docker", &images, &tests)? {
        return Ok(Outcome::Failed("see the failures above, in containers".to_owned()));
    }
    if !all {
        return Ok(Outcome::Passed);
    }
    // The other tests start their own servers, which is not possible by URL.
    let suites = [("dsync-redis", "conformance"), ("dsync-etcd", "conformance")];
    let named = ways::Named::start()?;
    let passed = ways::run("url", &named.variables(), &suites)?;
    Ok(verdict(passed, "see the failures above, by URL"))
}

fn reports(_: &mut Context) -> Result<Outcome> {
    Ok(verdict(conformance::docs(false)?, "`cargo xtask conformance --write-docs` fixes it"))
}

/// The number of schedules that makes a run conclusive.
const SCHEDULES: &str = "100000";
/// A longer run means that the machine is too slow: two idle cores run over 250 schedules a second.
const SIMULATION_SECONDS: &str = "1200";

fn simulate(_: &mut Context) -> Result<Outcome> {
    let mut command = conformance::simulate();
    command.args(["--schedules", SCHEDULES, "--for", SIMULATION_SECONDS, "--corpus"]);
    command.arg(root().join("dsync-conformance/corpus"));
    command.arg("--failures").arg(control_plane::target_dir().join("conformance/failures"));
    Ok(verdict(run(&command)?, "see above for the schedule, and how to replay it"))
}

fn mutants(_: &mut Context) -> Result<Outcome> {
    Ok(of_mutants(&conformance::mutants_of_core()?))
}

fn broken_drivers(_: &mut Context) -> Result<Outcome> {
    Ok(of_mutants(&conformance::mutants_of_drivers()?))
}

/// A mutant that was not run prevents success, even if all others were killed.
fn of_mutants(summary: &conformance::Summary) -> Outcome {
    match (summary.failure(), summary.not_run()) {
        (None, None) => Outcome::Passed,
        (None, Some(not_run)) => Outcome::NotRun(not_run),
        (Some(failure), None) => Outcome::Failed(failure),
        (Some(failure), Some(not_run)) => Outcome::Failed(format!("{failure}; not run: {not_run}")),
    }
}

fn examples(_: &mut Context) -> Result<Outcome> {
    if !run(&cargo(["build", "--locked", "--example", "failover"]))? {
        return Ok(Outcome::Failed("it does not build".to_owned()));
    }
    let started = Instant::now();
    let passed = run(&cargo(["run", "--locked", "--example", "failover"]))?;
    let took = started.elapsed();
    if took > EXAMPLE_LIMIT {
        return Ok(Outcome::Failed(format!("it took {took:.1?}, at most {EXAMPLE_LIMIT:?}")));
    }
    Ok(verdict(passed, "it failed"))
}

fn doc(_: &mut Context) -> Result<Outcome> {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    Ok(verdict(run(&command)?, "see the warnings above"))
}

fn package(_: &mut Context) -> Result<Outcome> {
    let metadata = Metadata::load()?;
    Ok(verdict(run(&package::command(&metadata)?)?, "see the error above"))
}

fn deny(_: &mut Context) -> Result<Outcome> {
    if !has("deny") {
        let install = ["install", "--locked", "cargo-deny", "--version", CARGO_DENY];
        say(&format!("installing cargo-deny: cargo {}\n", install.join(" ")));
        if !run(&cargo(install))? {
            let command = install.join(" ");
            return Ok(Outcome::NotRun(format!("no cargo-deny: run `cargo {command}`")));
        }
    }
    if !run(&cargo(DENY))? {
        return Ok(Outcome::Failed("see the errors above".to_owned()));
    }
    // The database is not part of a package registry, and is often unreachable.
    let fetch = cargo(["deny", "fetch", "db"]);
    if !shell::run(&fetch, FETCH_LIMIT, |_| {}).unwrap_or(false) {
        let text = "advisories were not checked: their database is unreachable";
        return Ok(Outcome::PassedBut(text.to_owned()));
    }
    run_cargo(["deny", "--offline", "check", "advisories"], "see the advisories above")
}

/// Checks the `rust-version` of the dependencies, and builds with the oldest supported toolchain if
/// it is installed. Clippy's `incompatible_msrv` has already checked the code of the workspace.
fn msrv(_: &mut Context) -> Result<Outcome> {
    let metadata = Metadata::load()?;
    let msrv = metadata.published().find_map(|package| package.rust_version.as_deref());
    let msrv = msrv.context("no published crate states its rust-version")?;
    let newer: Vec<String> = metadata
        .packages
        .iter()
        .filter_map(|package| Some((package, package.rust_version.as_deref()?)))
        .filter(|(_, needed)| version(needed) > version(msrv))
        .map(|(package, needed)| format!("{} {} needs {needed}", package.name, package.version))
        .collect();
    say(&format!("{} packages, none may need a newer Rust than {msrv}\n", metadata.packages.len()));
    if !newer.is_empty() {
        return Ok(Outcome::Failed(newer.join(", ")));
    }
    let Some(toolchain) = toolchain_of(msrv) else {
        return Ok(Outcome::PassedBut(format!(
            "not built with Rust {msrv}, which is not installed; a job of the CI service does that"
        )));
    };
    let check = ["run", &toolchain, "cargo", "check", "--workspace", "--all-targets", "--locked"];
    let mut command = rustup(check);
    // A separate directory: another toolchain in the same one would make both compile everything
    // again.
    command.env("CARGO_TARGET_DIR", control_plane::target_dir().join("msrv"));
    Ok(verdict(run(&command)?, "see the errors above"))
}

/// Parses the numbers of `1.89` or `1.89.0`.
fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// Returns the installed toolchain of Rust `version`, if any.
fn toolchain_of(version: &str) -> Option<String> {
    let output = rustup(["toolchain", "list"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut names = text.lines().filter_map(|line| line.split_whitespace().next());
    let is_it = |name: &&str| {
        let rest = name.strip_prefix(version);
        rest.is_some_and(|rest| rest.starts_with(['-', '.']))
    };
    names.find(is_it).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(version("1.100") > version("1.89"));
        assert!(version("1.89.1") > version("1.89"));
        assert_eq!(version("1.89.0"), version("1.89"));
    }
}
