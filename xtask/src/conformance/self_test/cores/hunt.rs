//! Runs of the simulation on a core with a mistake, and on the core as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::super::mutant::{Killer, Mutant};
use super::super::mutants::CORE;
use super::super::process::{self, Ran};
use super::super::workspace::CHOICE;

/// A hunt without a find runs thousands of schedules, which takes a minute on two cores.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// The program with every mutant in it.
#[derive(Debug)]
pub(super) struct Simulation {
    pub(super) program: PathBuf,
    /// Where runs leave what they say.
    pub(super) logs: PathBuf,
}

/// What a hunt has found.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Hunt {
    /// How many schedules each seed needed; `None`: more than were allowed.
    pub(super) schedules: Vec<Option<u64>>,
    /// The message of the smallest schedule.
    #[serde(default)]
    pub(super) message: String,
    /// The steps of that schedule.
    #[serde(default)]
    pub(super) steps: usize,
}

/// What one schedule violates: a line each, `RULE: MESSAGE`.
#[derive(Clone, Debug, Default)]
pub(super) struct Replay {
    pub(super) violations: Vec<String>,
}

impl Hunt {
    /// The most schedules that a seed needed; `None`: a seed has found nothing, or there is none.
    pub(super) fn most(&self) -> Option<u64> {
        let needed: Option<Vec<u64>> = self.schedules.iter().copied().collect();
        needed?.into_iter().max()
    }

    /// The median number of schedules, where a seed that finds nothing counts as more than any.
    pub(super) fn median(&self) -> Option<u64> {
        let mut needed = self.schedules.clone();
        needed.sort_unstable_by_key(|needed| needed.unwrap_or(u64::MAX));
        needed.get(needed.len() / 2).copied().flatten()
    }

    /// How many seeds found nothing, in words.
    pub(super) fn misses(&self) -> String {
        let missed = self.schedules.iter().filter(|needed| needed.is_none()).count();
        format!("{missed} of {} seeds do not find it", self.schedules.len())
    }
}

impl Simulation {
    /// Lets the rule of `mutant` look for it, from `seeds` seeds. The smallest schedule that shows it
    /// is left beside the logs.
    pub(super) fn hunt(&self, mutant: &Mutant, seeds: u64) -> Result<Hunt> {
        let Killer::Rule { id, says } = mutant.killer else {
            bail!("the mutant {} of the core has no rule", mutant.name);
        };
        let mut command = self.command(Some(mutant));
        command.args(["--hunt", id, "--says", says, "--seeds", &seeds.to_string()]);
        command
            .arg("--into")
            .arg(self.logs.join("schedules").join(format!("{}.json", mutant.name)));
        hunt(&self.run(&command, &format!("{}-hunt", mutant.name))?)
    }

    /// Lets the rule of `killer` look for anything in the core as it is, in the first `most`
    /// schedules of each seed.
    pub(super) fn hunt_without(&self, killer: &Killer, seeds: u64, most: u64) -> Result<Hunt> {
        let mut command = self.command(None);
        command.args(["--hunt", killer.name(), "--seeds", &seeds.to_string()]);
        command.args(["--schedules", &most.to_string()]);
        let found =
            hunt(&self.run(&command, &format!("{}-control", killer.name().replace('.', "-")))?)?;
        if u64::try_from(found.schedules.len()) != Ok(seeds) {
            bail!("the control ran {} seeds, not {seeds}", found.schedules.len());
        }
        Ok(found)
    }

    /// Runs one schedule. `None`: on the core as it is.
    pub(super) fn replay(&self, mutant: Option<&Mutant>, schedule: &Path) -> Result<Replay> {
        let name = schedule.file_stem().unwrap_or_default().to_string_lossy();
        let mut command = self.command(mutant);
        command.arg("--replay").arg(schedule);
        command.arg("--failures").arg(self.logs.join("schedules"));
        let what = if mutant.is_some() { "replay" } else { "control" };
        replay(&self.run(&command, &format!("{name}-{what}"))?)
    }

    fn command(&self, mutant: Option<&Mutant>) -> Command {
        let mut command = Command::new(&self.program);
        match mutant {
            Some(mutant) => command.env(CHOICE, CORE.choice(mutant)),
            None => command.env_remove(CHOICE),
        };
        command
    }

    fn run(&self, command: &Command, label: &str) -> Result<Ran> {
        process::run(command, LIMIT, &self.logs.join(label))
    }
}

/// A hunt succeeds whatever it finds, and ends with its result.
fn hunt(ran: &Ran) -> Result<Hunt> {
    let last = ran.stdout.lines().last().unwrap_or_default();
    if !ran.status.success() {
        bail!("the hunt ended with {}: {}", ran.status, ran.stderr.trim());
    }
    serde_json::from_str(last).with_context(|| format!("the hunt ended with {last:?}"))
}

/// A replay fails if it finds violations, and ends with their number: `trace HASH, 2 violations`.
fn replay(ran: &Ran) -> Result<Replay> {
    let last = ran.stdout.lines().last().unwrap_or_default();
    let count = last.strip_suffix(" violations").and_then(|rest| rest.rsplit(' ').next());
    let count: Option<usize> = count.and_then(|count| count.parse().ok());
    let is_violation = |line: &&str| {
        line.split_once(": ").is_some_and(|(id, _)| {
            !id.is_empty() && id.chars().all(|c| c.is_ascii_digit() || c == '.')
        })
    };
    let violations: Vec<_> = ran.stdout.lines().filter(is_violation).map(str::to_owned).collect();
    let expected = i32::from(!violations.is_empty());
    if count != Some(violations.len()) || ran.status.code() != Some(expected) {
        bail!("the replay ended with {} and {last:?}: {}", ran.status, ran.stderr.trim());
    }
    Ok(Replay { violations })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    fn ran(code: i32, stdout: &str) -> Ran {
        let status = ExitStatus::from_raw(code << 8);
        Ran { status, stdout: stdout.to_owned(), stderr: String::new() }
    }

    #[test]
    fn a_seed_that_finds_nothing_is_no_kill() {
        let of =
            |schedules: &[Option<u64>]| Hunt { schedules: schedules.to_vec(), ..Hunt::default() };
        assert_eq!(of(&[Some(3), Some(9), Some(1)]).most(), Some(9));
        assert_eq!(of(&[Some(3), None, Some(1)]).most(), None);
        assert_eq!(of(&[]).most(), None);
        assert_eq!(of(&[Some(3), None, Some(1)]).median(), Some(3));
        assert_eq!(of(&[Some(3), None, None]).median(), None);
    }

    #[test]
    fn a_hunt_that_fails_has_no_result() {
        let found = r#"{"schedules":[1,null],"message":"m","steps":2}"#;
        assert_eq!(hunt(&ran(0, found)).unwrap().schedules, [Some(1), None]);
        assert!(hunt(&ran(101, found)).is_err());
        assert!(hunt(&ran(0, "thread panicked")).is_err());
    }

    #[test]
    fn a_replay_counts_its_violations() {
        let found = replay(&ran(1, "From 0 s\n2.04: it was over\ntrace 0f, 1 violations\n"));
        assert_eq!(found.unwrap().violations, ["2.04: it was over"]);
        assert!(replay(&ran(0, "trace 0f, 0 violations\n")).unwrap().violations.is_empty());
    }

    #[test]
    fn a_replay_that_crashes_shows_nothing() {
        let shows = "2.04: it was over\n";
        for (code, stdout) in [
            (101, shows.to_owned()),
            (101, format!("{shows}trace 0f, 1 violations")),
            (0, format!("{shows}trace 0f, 1 violations")),
            (1, format!("{shows}trace 0f, 2 violations")),
            (0, String::new()),
        ] {
            assert!(replay(&ran(code, &stdout)).is_err(), "{code} {stdout}");
        }
    }
}
