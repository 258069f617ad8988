//! Mutants of the core.
//!
//! Each is looked for by its rule in random schedules, and has a schedule in the corpus that shows
//! its mistake. The core as it is must pass the very schedules that killed the mutant.

mod hunt;

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use self::hunt::{Hunt, Replay, Simulation};
use super::build;
use super::fate::Fate;
use super::mutant::{Killer, Mutant};
use super::mutants::CORE;
use super::summary::Summary;
use super::workspace::Workspace;
use crate::cargo::root;
use crate::output::say;

/// From how many seeds each mutant is looked for.
const SEEDS: u64 = 5;

/// Runs all of them.
pub(super) fn run() -> Result<Summary> {
    let workspace = Workspace::refresh()?;
    let program = build::simulation(&workspace)?;
    let simulation = Simulation { program, logs: workspace.logs().join(CORE.package) };
    let corpus = root().join("dsync-conformance/corpus");
    let (mut summary, mut medians) = (Summary::default(), Vec::new());
    for mutant in CORE.mutants {
        let begun = Instant::now();
        let hunted = simulation.hunt(mutant, SEEDS);
        let fate = match &hunted {
            Ok(hunt) => judge(&simulation, mutant, hunt, &corpus)
                .unwrap_or_else(|error| Fate::Error(format!("{error:#}"))),
            Err(error) => Fate::Error(format!("{error:#}")),
        };
        let hunt = hunted.unwrap_or_default();
        let median = hunt.median().map_or("more than allowed".to_owned(), |n| n.to_string());
        let by = format!(
            "{} after {median} schedules, {} steps, {:.1?}",
            mutant.killer.name(),
            hunt.steps,
            begun.elapsed()
        );
        medians.extend(hunt.median());
        let kill = kill(mutant, &fate, &hunt);
        summary.add(&CORE, mutant, &by, fate, kill);
    }
    medians.sort_unstable();
    if let Some(median) = medians.get(medians.len() / 2) {
        say(&format!("median of all medians: {median} schedules, {SEEDS} seeds each\n"));
    }
    summary.show();
    Ok(summary)
}

/// Judges a mutant whose hunt is over: by the schedule of the corpus, and by what the core as it is
/// makes of the same schedules.
fn judge(simulation: &Simulation, mutant: &Mutant, hunt: &Hunt, corpus: &Path) -> Result<Fate> {
    let Some(needed) = hunt.most() else {
        return Ok(Fate::Survived(hunt.misses()));
    };
    let file = corpus.join(format!("{}.json", mutant.name));
    if !file.exists() {
        return Ok(Fate::Survived(format!("the corpus has no {}", file.display())));
    }
    let replay = simulation.replay(Some(mutant), &file)?;
    if let Some(fate) = of_replay(&mutant.killer, &replay) {
        return Ok(fate);
    }
    let control = simulation.replay(None, &file)?;
    if let Some(violation) = control.violations.first() {
        return Ok(Fate::Invalid(format!("{violation} in {}", file.display())));
    }
    let control = simulation.hunt_without(&mutant.killer, SEEDS, needed)?;
    if control.schedules.iter().any(Option::is_some) {
        let said = format!("rule {}: {}", mutant.killer.name(), control.message);
        return Ok(Fate::Invalid(said));
    }
    Ok(Fate::Killed(hunt.message.clone()))
}

/// What the schedule of the corpus says of its mutant; `None`: it shows the mistake.
fn of_replay(killer: &Killer, replay: &Replay) -> Option<Fate> {
    if replay.violations.iter().any(|said| killer.expects(&said.clone().into())) {
        return None;
    }
    Some(match replay.violations.first() {
        Some(other) => Fate::FailedOtherwise(format!("its schedule in the corpus: {other}")),
        None => Fate::Survived("its schedule in the corpus does not show it any more".to_owned()),
    })
}

/// A mutant, as reports want it.
fn kill(mutant: &Mutant, fate: &Fate, hunt: &Hunt) -> Value {
    let rule = mutant.killer.name();
    let is_killed = matches!(fate, Fate::Killed(_));
    json!({
        "name": mutant.name,
        "broken": "core",
        "seen": Some(mutant.seen).filter(|seen| !seen.is_empty()),
        "rule": rule,
        "caught_by": is_killed.then_some(rule),
        "message": hunt.message,
        "schedules": hunt.schedules,
    })
}

#[cfg(test)]
mod tests {
    use super::super::mutant::rule;
    use super::*;

    const KILLER: Killer = rule("2.04", "after its last successful write was sent");

    fn replay(violations: &[&str]) -> Replay {
        Replay { violations: violations.iter().map(|&said| said.to_owned()).collect() }
    }

    #[test]
    fn a_schedule_shows_a_mistake_by_its_rule_and_message() {
        let said = "2.04: it was over 1.3 s after its last successful write was sent";
        assert_eq!(of_replay(&KILLER, &replay(&["2.05: it was reported active", said])), None);
        for other in ["2.04: something else", "2.05: after its last successful write was sent"] {
            let fate = of_replay(&KILLER, &replay(&[other]));
            assert!(matches!(fate, Some(Fate::FailedOtherwise(_))), "{fate:?}");
        }
        let fate = of_replay(&KILLER, &replay(&[]));
        assert!(matches!(fate, Some(Fate::Survived(_))), "{fate:?}");
    }

    #[test]
    fn only_a_killed_mutant_was_caught() {
        let mutant = &CORE.mutants[0];
        let hunt = Hunt { schedules: vec![Some(3), None], ..Hunt::default() };
        let survived = kill(mutant, &Fate::Survived(hunt.misses()), &hunt);
        assert_eq!(survived["caught_by"], Value::Null);
        assert_eq!(survived["schedules"], json!([3, null]));
        let killed = kill(mutant, &Fate::Killed(String::new()), &hunt);
        assert_eq!(killed["caught_by"], killed["rule"]);
    }
}
