//! The suite against what is broken on purpose: drivers, and cores.

mod broken_cores;
mod broken_drivers;
mod mutant;
mod workspace;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use self::broken_cores::{MUTANTS, build, hunt, replay};
use super::place::Place;
use super::{SLACK, shell};
use crate::output::say;
use crate::test::{cargo, root};

/// From how many seeds each broken core is looked for.
const SEEDS: u64 = 5;

/// Whether everything that is broken was found by the rule that must find it.
pub(super) fn run(place: &Place) -> Result<bool> {
    let drivers = drivers(place)?;
    say("\n=== cores that are broken on purpose\n");
    let (cores, kills) = cores(&place.broken_cores())?;
    let file = place.of_kills()?.join("cores.json");
    std::fs::write(&file, serde_json::to_string_pretty(&kills)?)
        .with_context(|| format!("failed to write {}", file.display()))?;
    say("\n=== drivers of real servers that are broken on purpose\n");
    let (servers, kills) = broken_drivers::drivers(&place.broken_cores())?;
    let file = place.of_kills()?.join("servers.json");
    std::fs::write(&file, serde_json::to_string_pretty(&kills)?)
        .with_context(|| format!("failed to write {}", file.display()))?;
    Ok(cores && drivers && servers)
}

/// Broken drivers of real servers. Whether all were found.
pub(super) fn servers(folder: &Path) -> Result<bool> {
    Ok(broken_drivers::drivers(folder)?.0)
}

/// Broken drivers, each tied to the rule that must find it.
fn drivers(place: &Place) -> Result<bool> {
    say("\n=== drivers that are broken on purpose\n");
    let mut command = cargo(["test", "--locked", "-p", "dsync-conformance", "--test", "flaws"]);
    command.env("DSYNC_CONFORMANCE_KILLS", place.of_kills()?.join("drivers.json"));
    shell::run(&command, SLACK, |_| {})
}

/// Broken cores. Each has a schedule in the corpus that shows its mistake, and that the core as
/// it is passes. Whether all were found, and what came of each.
pub(super) fn cores(folder: &Path) -> Result<(bool, Vec<Value>)> {
    let root = root();
    let started = Instant::now();
    let simulate = build(&root, folder)?;
    say(&format!("built all of them in {:.0?}\n", started.elapsed()));
    let corpus = root.join("dsync-conformance/corpus");
    let (mut passed, mut kills, mut medians) = (true, Vec::new(), Vec::new());
    for mutant in MUTANTS {
        let begun = Instant::now();
        let kill = hunt(&simulate, mutant, SEEDS, &folder.join("schedules"))?;
        let shown = replay(&simulate, mutant, &corpus)?;
        let killed = kill.is_killed() && shown == Some(true);
        let median = kill.median().map_or("more than allowed".to_owned(), |n| n.to_string());
        say(&format!(
            "{} {:<36} by {} after {median} schedules, {} steps, {:.1?}{}\n",
            if killed { "killed  " } else { "SURVIVED" },
            mutant.name,
            mutant.rule,
            kill.steps,
            begun.elapsed(),
            match shown {
                Some(true) => "",
                Some(false) => "; the schedule in the corpus does not show it any more",
                None => "; there is no schedule in the corpus",
            }
        ));
        passed &= killed;
        medians.extend(kill.median());
        kills.push(json!({
            "name": mutant.name,
            "broken": "core",
            "seen": Some(mutant.seen).filter(|seen| !seen.is_empty()),
            "rule": mutant.rule,
            "caught_by": kill.schedules.iter().any(Option::is_some).then_some(mutant.rule),
            "message": kill.message,
            "schedules": kill.schedules,
        }));
    }
    medians.sort_unstable();
    if let Some(median) = medians.get(medians.len() / 2) {
        say(&format!("median of all medians: {median} schedules, {SEEDS} seeds each\n"));
    }
    Ok((passed, kills))
}
