//! Looks for the mistake of each broken core.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::super::mutant::Mutant;

/// What came of a hunt.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Kill {
    /// How many schedules each seed needed; `None`: more than were allowed.
    pub(crate) schedules: Vec<Option<u64>>,
    /// What was said of the first.
    #[serde(default)]
    pub(crate) message: String,
    /// The steps of the smallest schedule.
    #[serde(default)]
    pub(crate) steps: usize,
}

impl Kill {
    pub(crate) fn is_killed(&self) -> bool {
        self.schedules.iter().all(Option::is_some)
    }

    /// The median number of schedules, where a survivor counts as more than any.
    pub(crate) fn median(&self) -> Option<u64> {
        let mut needed: Vec<u64> =
            self.schedules.iter().map(|needed| needed.unwrap_or(u64::MAX)).collect();
        needed.sort_unstable();
        needed.get(needed.len() / 2).copied().filter(|needed| *needed != u64::MAX)
    }
}

/// Lets the rule of `mutant` look for it, from `seeds` seeds. The smallest schedule that shows it
/// goes to `into`.
pub(crate) fn hunt(simulate: &Path, mutant: &Mutant, seeds: u64, into: &Path) -> Result<Kill> {
    let file = into.join(format!("{}.json", mutant.name));
    let output = simulation(simulate, mutant)
        .args(["--hunt", mutant.rule, "--says", mutant.says, "--seeds", &seeds.to_string()])
        .arg("--into")
        .arg(&file)
        .output()
        .with_context(|| format!("failed to run {}", simulate.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("the hunt for {} failed: {}", mutant.name, told.trim());
    }
    serde_json::from_str(last)
        .with_context(|| format!("the hunt for {} ended with {last:?}", mutant.name))
}

/// Whether the schedule of the corpus still shows the mistake. `None`: there is none.
pub(crate) fn replay(simulate: &Path, mutant: &Mutant, corpus: &Path) -> Result<Option<bool>> {
    let file: PathBuf = corpus.join(format!("{}.json", mutant.name));
    if !file.exists() {
        return Ok(None);
    }
    let output = simulation(simulate, mutant)
        .arg("--replay")
        .arg(&file)
        .output()
        .with_context(|| format!("failed to run {}", simulate.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = format!("{}: ", mutant.rule);
    Ok(Some(text.lines().any(|line| line.starts_with(&told) && line.contains(mutant.says))))
}

fn simulation(simulate: &Path, mutant: &Mutant) -> Command {
    let mut command = Command::new(simulate);
    command.env("DSYNC_MUTANT", mutant.name);
    command
}
