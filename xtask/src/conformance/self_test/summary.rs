//! The fates of many mutants.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fate::Fate;
use super::mutant::Mutant;
use super::mutants::Mutated;
use crate::output::say;

/// A mutant and its fate.
#[derive(Debug)]
struct Entry {
    package: &'static str,
    mutant: &'static str,
    fate: Fate,
}

/// The fates of mutants, and their entries in reports.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    fates: Vec<Entry>,
    kills: Vec<Value>,
}

impl Summary {
    /// Adds a mutant and shows its fate. `kill` is its entry in reports, which leave out a mutant
    /// that has proved nothing.
    pub(super) fn add(&mut self, of: &Mutated, mutant: &Mutant, by: &str, fate: Fate, kill: Value) {
        let entry = Entry { package: of.package, mutant: mutant.name, fate };
        let (fate, name) = (&entry.fate, entry.name());
        say(&format!("{:<10} {name:<56} by {by}\n", fate.word()));
        for line in fate.detail().lines() {
            say(&format!("           {line}\n"));
        }
        if fate.is_evidence() {
            self.kills.push(kill);
        }
        self.fates.push(entry);
    }

    /// The entries for reports.
    pub(super) fn kills(&self) -> &[Value] {
        &self.kills
    }

    /// Why the self-test fails; `None`: it does not.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut by_word = BTreeMap::<_, Vec<_>>::new();
        for entry in self.fates.iter().filter(|entry| entry.fate.is_failure()) {
            by_word.entry(entry.fate.word()).or_default().push(entry.name());
        }
        let words = by_word.iter().map(|(word, names)| format!("{word}: {}", names.join(", ")));
        Some(words.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
    }

    /// How many mutants were not run, and why; `None`: all were.
    pub(crate) fn not_run(&self) -> Option<String> {
        let mut by_reason = BTreeMap::<_, usize>::new();
        for Entry { package, fate, .. } in &self.fates {
            if let Fate::NotRun(why) = fate {
                *by_reason.entry((package, why)).or_default() += 1;
            }
        }
        let reasons = by_reason.into_iter().map(|((package, why), count)| {
            let all = self.fates.iter().filter(|entry| entry.package == *package).count();
            // On one line, for a table.
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{count} of {all} mutants of {package}: {why}")
        });
        Some(reasons.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
    }

    /// Shows how many mutants came to what.
    pub(super) fn show(&self) {
        let mut counts = BTreeMap::<_, usize>::new();
        for entry in &self.fates {
            *counts.entry(entry.fate.word()).or_default() += 1;
        }
        let counts = counts.iter().map(|(word, count)| format!("{count} {word}"));
        let all = self.fates.len();
        say(&format!("{all} mutants: {}\n", counts.collect::<Vec<_>>().join(", ")));
    }
}

impl Entry {
    fn name(&self) -> String {
        format!("{}: {}", self.package, self.mutant)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::mutants::{CORE, DRIVERS};
    use super::*;

    fn summary(fates: impl IntoIterator<Item = Fate>) -> Summary {
        let mut summary = Summary::default();
        for (number, (mutant, fate)) in CORE.mutants.iter().zip(fates).enumerate() {
            summary.add(&CORE, mutant, "1.01", fate, json!(number));
        }
        summary
    }

    fn killed() -> Fate {
        Fate::Killed("1.01: two have won".to_owned())
    }

    #[test]
    fn kills_alone_are_a_success() {
        let summary = summary([killed(), killed()]);
        assert_eq!((summary.failure(), summary.not_run()), (None, None));
        assert_eq!(summary.kills(), [json!(0), json!(1)]);
    }

    #[test]
    fn what_was_not_run_is_counted_with_its_reason_and_kept_out_of_reports() {
        let missing = || Fate::NotRun("no Redis to test on:\n  - install it".to_owned());
        let mut summary = summary([missing(), killed(), missing()]);
        let other = Fate::NotRun("no etcd".to_owned());
        summary.add(&DRIVERS[1], &DRIVERS[1].mutants[0], "1.01", other, json!(3));
        assert_eq!(summary.failure(), None);
        assert_eq!(
            summary.not_run().unwrap(),
            "2 of 3 mutants of dsync: no Redis to test on: - install it; \
             1 of 1 mutants of dsync-etcd: no etcd"
        );
        assert_eq!(summary.kills(), [json!(1)]);
    }

    #[test]
    fn survivors_and_invalid_mutants_fail_it() {
        let summary = summary([
            Fate::Survived("its test passes".to_owned()),
            Fate::Invalid("no".to_owned()),
            Fate::FailedOtherwise("no".to_owned()),
            Fate::Error("it crashed".to_owned()),
            killed(),
        ]);
        let name = |number: usize| format!("dsync: {}", CORE.mutants[number].name);
        assert_eq!(
            summary.failure().unwrap(),
            format!(
                "ERROR: {}; INVALID: {}; NOT KILLED: {}; SURVIVED: {}",
                name(3),
                name(1),
                name(2),
                name(0)
            )
        );
        // The others have proved nothing of the test.
        assert_eq!(summary.kills(), [json!(0), json!(2), json!(4)]);
    }
}
