//! What is run, in this order: what is quick and fails often comes first.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use control_plane::{ControlPlane, Options, binaries};

use super::cargo::{cargo, has, root, rustup};
use super::metadata::Metadata;
use super::{Context, Outcome, package, shell, tidy, ways};
use crate::conformance;
use crate::output::say;

pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// How long it may take, from cold caches on two cores.
    pub(super) minutes: u64,
    pub(super) run: fn(&mut Context) -> Result<Outcome>,
}

pub(super) const STAGES: &[Stage] = &[
    Stage { name: "fmt", minutes: 1, about: "the code is formatted", run: fmt },
    Stage {
        name: "tidy",
        minutes: 1,
        about: "file sizes, dependency directions, links",
        run: tidy,
    },
    Stage { name: "tree", minutes: 1, about: "dsync itself needs at most 30 crates", run: tree },
    Stage { name: "clippy", minutes: 8, about: "no lint is violated", run: clippy },
    Stage {
        name: CLUSTER,
        minutes: 15,
        about: "a real kube-apiserver, for the tests",
        run: cluster,
    },
    Stage { name: TEST, minutes: 20, about: "all tests, documentation included", run: test },
    Stage {
        name: "ways",
        minutes: 15,
        about: "Redis and etcd in containers, and by URL",
        run: every_way,
    },
    Stage {
        name: "simulate",
        minutes: 22,
        about: "100,000 schedules of faults, in virtual time",
        run: simulate,
    },
    Stage {
        name: "mutants",
        minutes: 12,
        about: "the suite finds every core that is broken on purpose",
        run: mutants,
    },
    Stage {
        name: "drivers",
        minutes: 10,
        about: "the suite finds every driver of a real server that is broken on purpose",
        run: broken_drivers,
    },
    Stage {
        name: "reports",
        minutes: 3,
        about: "what is generated from rules and reports",
        run: reports,
    },
    Stage { name: "examples", minutes: 3, about: "the first command of the README", run: examples },
    Stage {
        name: "doc",
        minutes: 5,
        about: "the documentation builds without a warning",
        run: doc,
    },
    Stage {
        name: "package",
        minutes: 8,
        about: "every published crate packs and builds",
        run: package,
    },
    Stage {
        name: "deny",
        minutes: 8,
        about: "licences, sources and flaws of all dependencies",
        run: deny,
    },
    Stage {
        name: "msrv",
        minutes: 8,
        about: "nothing asks for a newer Rust than we state",
        run: msrv,
    },
];

pub(super) const CLUSTER: &str = "cluster";
/// The stage whose tests are counted one by one.
pub(super) const TEST: &str = "test";

/// The most crates in the normal dependency tree of `dsync`, itself included.
const MOST_CRATES: usize = 30;
/// How long the example of the README may run.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(10);
/// How long the download of the advisories may take before it counts as out of reach.
const FETCH_LIMIT: Duration = Duration::from_secs(2 * 60);
const CARGO_DENY: &str = "0.20.2";
/// Without the tree of who depends on whom, which is long and stands in `cargo tree`.
const DENY: [&str; 7] =
    ["deny", "--offline", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"];

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
    run_cargo(["fmt", "--all", "--check"], "`cargo fmt --all` mends it")
}

fn tidy(_: &mut Context) -> Result<Outcome> {
    let problems = tidy::problems(&root(), &Metadata::load()?)?;
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

/// Starts looking for the servers' programs, and building them where none are found: a build takes
/// minutes and is best spent beside the first stages.
pub(super) fn prepare_cluster(context: &mut Context) {
    context.binaries = Some(std::thread::spawn(|| binaries::find(Options::default().report)));
}

fn cluster(context: &mut Context) -> Result<Outcome> {
    if let Some(search) = context.binaries.take() {
        say("waiting for the programs of the servers\n");
        let found = search.join().map_err(|_| anyhow!("the search for the servers panicked"))?;
        if let Err(error) = found {
            return Ok(Outcome::NotRun(format!("{error:#}")));
        }
    }
    let control_plane = ControlPlane::start(Options::default())?;
    say(&format!("kube-apiserver {} answers\n", control_plane.version()));
    context.control_plane = Some(control_plane);
    Ok(Outcome::Passed)
}

fn test(context: &mut Context) -> Result<Outcome> {
    let mut command = cargo(["test", "--workspace", "--locked", "--no-fail-fast"]);
    if let Some(control_plane) = &context.control_plane {
        command.env("DSYNC_TEST_KUBECONFIG", control_plane.kubeconfig());
        // The suite kills its server, and the other tests need theirs.
        command.env("DSYNC_CONFORMANCE_SERVER", "own");
    }
    if context.require_all {
        command.env("DSYNC_REQUIRE", "all");
    } else if context.control_plane.is_none() {
        // Its tests are of the very servers that could not be had; stage `cluster` has said so.
        command.args(["--exclude", "control-plane"]);
    }
    let passed = shell::run(&command, shell::LIMIT, |line| context.tests.hear(line))?;
    Ok(match context.tests.skipped {
        _ if !passed => Outcome::Failed("see the failures above".to_owned()),
        0 => Outcome::Passed,
        skipped => Outcome::PassedBut(format!("{skipped} tests were ignored, shown above")),
    })
}

fn every_way(_: &mut Context) -> Result<Outcome> {
    if let Some(trouble) = ways::trouble() {
        return Ok(Outcome::NotRun(trouble));
    }
    if !run(&ways::containers())? {
        return Ok(Outcome::Failed("see the failures above, in containers".to_owned()));
    }
    let (command, _servers) = ways::urls()?;
    Ok(verdict(run(&command)?, "see the failures above, by URL"))
}

fn reports(_: &mut Context) -> Result<Outcome> {
    Ok(verdict(conformance::docs(false)?, "`cargo xtask conformance --write-docs` mends it"))
}

/// So many schedules are a run that means something.
const SCHEDULES: &str = "100000";
/// If they take longer, the machine is too slow: two idle cores run more than 250 a second.
const SIMULATION_SECONDS: &str = "1200";

fn simulate(_: &mut Context) -> Result<Outcome> {
    let mut command = conformance::simulate();
    command.args(["--schedules", SCHEDULES, "--for", SIMULATION_SECONDS, "--corpus"]);
    command.arg(root().join("dsync-conformance/corpus"));
    command.arg("--failures").arg(control_plane::target_dir().join("conformance/failures"));
    Ok(verdict(run(&command)?, "see above for the schedule, and how to replay it"))
}

fn mutants(_: &mut Context) -> Result<Outcome> {
    let folder = control_plane::target_dir().join("conformance/broken");
    Ok(verdict(conformance::broken_cores(&folder)?, "see the survivors above"))
}

fn broken_drivers(_: &mut Context) -> Result<Outcome> {
    let folder = control_plane::target_dir().join("conformance/broken");
    Ok(verdict(conformance::broken_drivers(&folder)?, "see the survivors above"))
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

fn deny(context: &mut Context) -> Result<Outcome> {
    if !has("deny") {
        let install = ["install", "--locked", "cargo-deny", "--version", CARGO_DENY];
        if !context.require_all {
            let command = install.join(" ");
            return Ok(Outcome::NotRun(format!("no cargo-deny: `cargo {command}`")));
        }
        if !run(&cargo(install))? {
            return Ok(Outcome::NotRun("cargo-deny could not be installed, see above".to_owned()));
        }
    }
    if !run(&cargo(DENY))? {
        return Ok(Outcome::Failed("see the errors above".to_owned()));
    }
    // The database is no part of any registry of packages, and often out of reach.
    let fetch = cargo(["deny", "fetch", "db"]);
    if !shell::run(&fetch, FETCH_LIMIT, |_| {}).unwrap_or(false) {
        let text = "advisories not checked, their database is out of reach";
        return Ok(Outcome::PassedBut(text.to_owned()));
    }
    run_cargo(["deny", "--offline", "check", "advisories"], "see the advisories above")
}

/// What the dependencies state, and a build with that very toolchain where there is one. Clippy's
/// `incompatible_msrv` has looked at our own code.
fn msrv(_: &mut Context) -> Result<Outcome> {
    let metadata = Metadata::load()?;
    let ours = metadata.published().find_map(|package| package.rust_version.as_deref());
    let ours = ours.context("no published crate states its rust-version")?;
    let newer: Vec<String> = metadata
        .packages
        .iter()
        .filter_map(|package| Some((package, package.rust_version.as_deref()?)))
        .filter(|(_, theirs)| version(theirs) > version(ours))
        .map(|(package, theirs)| format!("{} {} needs {theirs}", package.name, package.version))
        .collect();
    say(&format!("{} packages, none may need more than Rust {ours}\n", metadata.packages.len()));
    if !newer.is_empty() {
        return Ok(Outcome::Failed(newer.join(", ")));
    }
    let Some(toolchain) = toolchain_of(ours) else {
        return Ok(Outcome::PassedBut(format!(
            "not built with Rust {ours}, which is not installed; a job of the CI service does that"
        )));
    };
    let check = ["run", &toolchain, "cargo", "check", "--workspace", "--all-targets", "--locked"];
    let mut command = rustup(check);
    // Apart from the rest, which it would compile anew, and again the next time.
    command.env("CARGO_TARGET_DIR", control_plane::target_dir().join("msrv"));
    Ok(verdict(run(&command)?, "see the errors above"))
}

/// The numbers of `1.89`, `1.89.0`.
fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// The installed toolchain of Rust `version`, if there is one.
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
