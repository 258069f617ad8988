//! Mutants of the drivers of real servers.
//!
//! Each is judged by a test of its driver, on a real server. The same test of the same build runs
//! once without a mutant, as a control: a test that fails or does not run by itself judges nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::build;
use super::fate::{Ended, Fate, judge};
use super::mutant::{Killer, Mutant};
use super::mutants::{DRIVERS, Mutated};
use super::servers::{CONFORMANCE, SERVER, Servers};
use super::summary::Summary;
use super::workspace::{CHOICE, Workspace};
use super::{process, recorded};
use crate::built::Built;
use crate::setup;

/// A test takes seconds. One that takes so long hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// Some rules are also judged by random schedules, for so many seconds. No mutant here needs them.
const SCHEDULES_FOR: &str = "20";
const LENGTH: &str = "DSYNC_CONFORMANCE_FOR";

/// Runs all of them.
pub(super) fn run() -> Result<Summary> {
    let workspace = Workspace::refresh()?;
    let built = build::tests(&workspace)?;
    let (mut summary, mut servers) = (Summary::default(), Servers::default());
    for driver in DRIVERS {
        let mut controls = BTreeMap::new();
        for mutant in driver.mutants {
            let begun = Instant::now();
            let test =
                Test { workspace: &workspace, built: &built, driver, killer: &mutant.killer };
            let control =
                controls.entry(mutant.killer.name()).or_insert_with(|| test.control(&mut servers));
            let fate = judge(&mutant.killer, control, || test.ended(Some(mutant)));
            let kill = kill(driver.package, mutant, &fate);
            let by = format!("{}, {:.1?}", mutant.killer.name(), begun.elapsed());
            summary.add(driver, mutant, &by, fate, kill);
        }
    }
    summary.show();
    Ok(summary)
}

/// A mutant, as reports want it.
fn kill(package: &str, mutant: &Mutant, fate: &Fate) -> Value {
    let (caught_by, message) = match fate {
        Fate::Killed(message) => (Some(mutant.killer.name()), &**message),
        Fate::FailedOtherwise(message) => (None, &**message),
        _ => (None, ""),
    };
    json!({
        "name": format!("{package}: {}", mutant.name),
        "broken": "driver",
        "seen": Some(mutant.seen).filter(|seen| !seen.is_empty()),
        "rule": mutant.killer.name(),
        "caught_by": caught_by,
        "message": message,
        // Nothing is searched: the test is run.
        "schedules": [],
    })
}

/// A test that judges mutants of a driver.
struct Test<'a> {
    workspace: &'a Workspace,
    built: &'a Built,
    driver: &'a Mutated,
    killer: &'a Killer,
}

impl Test<'_> {
    /// Runs it without a mutant, if its server can be had.
    fn control(&self, servers: &mut Servers) -> Result<Ended> {
        match servers.trouble(self.driver.package, self.target()) {
            None => self.ended(None),
            Some(why) => Ok(Ended::NotRun(why)),
        }
    }

    fn target(&self) -> &'static str {
        match self.killer {
            Killer::Rule { .. } => CONFORMANCE,
            Killer::Test { .. } => SERVER,
        }
    }

    /// Runs it, with `mutant` chosen or none.
    fn ended(&self, mutant: Option<&Mutant>) -> Result<Ended> {
        let Self { workspace, built, driver, killer } = self;
        let target = self.target();
        let program = built.program(&workspace.of(driver.package), target)?;
        let label = mutant.map_or(killer.name(), |mutant| mutant.name);
        let log = workspace.logs().join(driver.package).join(label.replace('.', "-"));
        let record = log.with_extension("outcomes");
        if record.exists() {
            fs::remove_file(&record)
                .with_context(|| format!("failed to remove {}", record.display()))?;
        }
        let ran = process::run(&self.command(program, mutant, &record), LIMIT, &log)?;
        // Without a record, which is written by each test as it ends, nothing was tested.
        let text = fs::read_to_string(&record).unwrap_or_default();
        let ended = recorded::ended(&text, killer).with_context(|| {
            format!("{target} of {} ended with {}; see {}", driver.package, ran.status, shown(&log))
        })?;
        let should_succeed = !matches!(ended, Ended::Failed(_));
        if ran.status.code().is_none() || ran.status.success() != should_succeed {
            bail!("the test of {} ended with {} after {ended:?}", killer.name(), ran.status);
        }
        Ok(ended)
    }

    fn command(&self, program: &Path, mutant: Option<&Mutant>, record: &Path) -> Command {
        let mut command = Command::new(program);
        match self.killer {
            // The name goes on after the number.
            Killer::Rule { id, .. } => command.arg(format!("::{}_", id.replace('.', "_"))),
            Killer::Test { name, .. } => command.args([name, "--exact"]),
        };
        // As Cargo runs tests.
        command.current_dir(self.workspace.of(self.driver.package));
        command.env("CARGO_TARGET_DIR", self.workspace.target());
        command.env(recorded::VARIABLE, record).env("RUST_BACKTRACE", "0");
        command.env(LENGTH, SCHEDULES_FOR);
        setup::prefer_programs(&mut command);
        // A test without its server is to say so, not to fail.
        command.env_remove("DSYNC_REQUIRE");
        match mutant {
            Some(mutant) => command.env(CHOICE, self.driver.choice(mutant)),
            None => command.env_remove(CHOICE),
        };
        command
    }
}

fn shown(log: &std::path::Path) -> String {
    log.with_extension("stderr").display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `reports merge` takes nothing else.
    #[test]
    fn a_kill_has_the_fields_of_a_report() {
        let (package, mutant) = (DRIVERS[0].package, &DRIVERS[0].mutants[0]);
        let killed = kill(package, mutant, &Fate::Killed("1.01: no".to_owned()));
        assert_eq!(killed["broken"], "driver");
        assert_eq!(killed["name"], format!("{package}: {}", mutant.name));
        assert_eq!(killed["caught_by"], killed["rule"]);
        assert_eq!(killed["message"], "1.01: no");
        assert_eq!(killed["schedules"], json!([]));
    }

    #[test]
    fn nothing_has_caught_a_mutant_that_is_not_killed() {
        let (package, mutant) = (DRIVERS[0].package, &DRIVERS[0].mutants[0]);
        for fate in [Fate::Survived(String::new()), Fate::FailedOtherwise("no".to_owned())] {
            assert_eq!(kill(package, mutant, &fate)["caught_by"], Value::Null);
        }
    }
}
