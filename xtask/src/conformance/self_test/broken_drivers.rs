//! Drivers of real servers that are broken on purpose, one mistake each, to see that their tests
//! find it.
//!
//! As with the core, a mistake is an edit of the driver's source. All of a driver go into one copy
//! of the workspace; an environment variable chooses. What runs is the driver's own suite, on a
//! real server.

mod etcd;
mod redis;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::mutant::Mutant;
use super::workspace::{Broken, cargo_in};
use crate::output::say;
use crate::test::root;

/// What a driver's tests need of the workspace, beside the driver.
macro_rules! crates {
    ($driver:literal) => {
        &["dsync", "dsync-mock", "dsync-conformance", "control-plane", "test-servers", $driver]
    };
}

const DRIVERS: &[Broken] = &[
    Broken {
        crates: crates!("dsync-redis"),
        package: "dsync-redis",
        mutants: redis::MUTANTS,
        list: "broken_drivers/redis.rs",
    },
    Broken {
        crates: crates!("dsync-etcd"),
        package: "dsync-etcd",
        mutants: etcd::MUTANTS,
        list: "broken_drivers/etcd.rs",
    },
];

/// Whether all were found, and what came of each.
pub(super) fn drivers(folder: &Path) -> Result<(bool, Vec<Value>)> {
    let (mut passed, mut kills) = (true, Vec::new());
    for driver in DRIVERS {
        let begun = Instant::now();
        let tests = build(driver, folder)?;
        say(&format!("built those of {} in {:.0?}\n", driver.package, begun.elapsed()));
        for mutant in driver.mutants {
            let begun = Instant::now();
            let told = run(&tests, mutant)?;
            passed &= told.is_some();
            say(&format!(
                "{} {}: {:<36} by {}, {:.1?}\n",
                if told.is_some() { "killed  " } else { "SURVIVED" },
                driver.package,
                mutant.name,
                mutant.rule,
                begun.elapsed(),
            ));
            kills.push(kill(driver.package, mutant, told));
        }
    }
    Ok((passed, kills))
}

/// What came of a mistake, as reports want it.
fn kill(package: &str, mutant: &Mutant, told: Option<String>) -> Value {
    json!({
        "name": format!("{package}: {}", mutant.name),
        "broken": "driver",
        "seen": Some(mutant.seen).filter(|seen| !seen.is_empty()),
        "rule": mutant.rule,
        "caught_by": told.as_ref().map(|_| mutant.rule),
        "message": told.unwrap_or_default(),
        // Nothing is searched: the test is run.
        "schedules": [],
    })
}

/// The test programs of a broken driver, by name.
fn build(driver: &Broken, folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let (workspace, target) = (folder.join(driver.package), folder.join("target"));
    driver.copy(&root(), &workspace)?;
    let args =
        ["test", "--no-run", "-p", driver.package, "--message-format", "json-render-diagnostics"];
    let output = cargo_in(&workspace, &target, args)
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run cargo")?;
    if !output.status.success() {
        bail!("the broken {} does not build; see {}", driver.package, driver.list);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(messages
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, message["executable"].as_str()?.into()))
        })
        .collect())
}

/// What the test says that fails; `None`: none has failed, or not as it must.
fn run(tests: &BTreeMap<String, PathBuf>, mutant: &Mutant) -> Result<Option<String>> {
    // A rule is one of the suite, anything else a test on servers of the driver's own.
    let is_rule = mutant.rule.starts_with(|first: char| first.is_ascii_digit());
    let name = if is_rule { "conformance" } else { "server" };
    let program = tests.get(name).with_context(|| format!("there is no test {name}"))?;
    let output = Command::new(program)
        .arg(mutant.rule.replace('.', "_"))
        .env("DSYNC_MUTANT", mutant.name)
        .env("DSYNC_REQUIRE", "all")
        .env("RUST_BACKTRACE", "0")
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("failed to run {}", program.display()))?;
    if output.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find(|line| line.contains(mutant.says));
    if told.is_none() {
        say(&text);
    }
    Ok(told.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `reports merge` takes nothing else.
    #[test]
    fn a_kill_has_the_fields_of_a_report() {
        let mutant = &redis::MUTANTS[0];
        let kill = kill("dsync-redis", mutant, Some("told".to_owned()));
        assert_eq!(kill["broken"], "driver");
        assert_eq!(kill["name"], format!("dsync-redis: {}", mutant.name));
        assert_eq!(kill["caught_by"], kill["rule"]);
        assert_eq!(kill["schedules"], json!([]));
    }

    #[test]
    fn every_mistake_fits_its_driver() {
        for driver in super::DRIVERS {
            driver.check_that_every_mistake_fits();
        }
    }
}
