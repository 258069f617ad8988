//! The suite against cores that are broken on purpose.

use std::time::Instant;

use anyhow::{Result, bail};

use super::broken_cores::{MUTANTS, build, hunt, replay};
use crate::output::say;
use crate::test::root;

pub(crate) struct Options {
    pub(crate) seeds: u64,
    pub(crate) only: Vec<String>,
}

/// Breaks the core in every way of the list. Whether the rule of each has found it.
pub(crate) fn run(options: &Options) -> Result<bool> {
    for name in &options.only {
        if !MUTANTS.iter().any(|mutant| mutant.name == name) {
            let all: Vec<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
            bail!("there is no broken core {name}; there are {}", all.join(", "));
        }
    }
    let root = root();
    let folder = control_plane::target_dir().join("conformance").join("broken");
    let found = folder.join("schedules");
    let started = Instant::now();
    let simulate = build(&root, &folder)?;
    say(&format!("built all broken cores in {:.0?}\n", started.elapsed()));
    let corpus = root.join("dsync-conformance/corpus/broken");
    let (mut passed, mut medians) = (true, Vec::new());
    let chosen =
        |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    for mutant in MUTANTS.iter().filter(|mutant| chosen(mutant.name)) {
        let begun = Instant::now();
        let kill = hunt(&simulate, mutant, options.seeds, &found)?;
        let shown = replay(&simulate, mutant, &corpus)?;
        let fits = shown.unwrap_or(false);
        let median = kill.median().map_or("more than allowed".to_owned(), |n| n.to_string());
        say(&format!(
            "{} {:<36} by {} after {median} schedules (median of {}), {} steps, {:.1?}{}\n",
            if kill.is_killed() && fits { "killed  " } else { "SURVIVED" },
            mutant.name,
            mutant.rule,
            kill.schedules.len(),
            kill.steps,
            begun.elapsed(),
            match shown {
                Some(true) => "",
                Some(false) => "; the schedule in the corpus does not show it any more",
                None => "; there is no schedule in the corpus",
            }
        ));
        passed &= kill.is_killed() && fits;
        medians.extend(kill.median());
    }
    medians.sort_unstable();
    if let Some(median) = medians.get(medians.len() / 2) {
        say(&format!("median of all: {median} schedules\n"));
    }
    Ok(passed)
}
