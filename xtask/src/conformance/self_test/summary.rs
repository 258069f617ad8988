//! What became of many mutants.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fate::Fate;
use crate::output::say;

/// What became of each mutant, and what reports want of them.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    fates: Vec<(String, Fate)>,
    kills: Vec<Value>,
}

impl Summary {
    /// Adds a mutant, and shows what became of it. `kill` is its entry in reports, which take none
    /// of a mutant that has proved nothing.
    pub(super) fn add(&mut self, name: String, by: &str, fate: Fate, kill: Value) {
        say(&format!("{:<10} {name:<56} by {by}\n", fate.word()));
        for line in fate.detail().lines() {
            say(&format!("           {line}\n"));
        }
        if fate.is_evidence() {
            self.kills.push(kill);
        }
        self.fates.push((name, fate));
    }

    /// The entries for reports.
    pub(super) fn kills(&self) -> &[Value] {
        &self.kills
    }

    /// Why the self-test fails; `None`: it does not.
    pub(crate) fn failure(&self) -> Option<String> {
        let mut by_word = BTreeMap::<_, Vec<_>>::new();
        for (name, fate) in self.fates.iter().filter(|(_, fate)| fate.is_failure()) {
            by_word.entry(fate.word()).or_default().push(&**name);
        }
        let words = by_word.iter().map(|(word, names)| format!("{word}: {}", names.join(", ")));
        Some(words.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
    }

    /// Which mutants were not run, and why; `None`: all were.
    pub(crate) fn not_run(&self) -> Option<String> {
        let mut by_reason = BTreeMap::<_, Vec<_>>::new();
        for (name, fate) in &self.fates {
            if let Fate::NotRun(why) = fate {
                by_reason.entry(why).or_default().push(&**name);
            }
        }
        let all = self.fates.len();
        let reasons = by_reason.into_iter().map(|(why, names)| {
            // On one line, for a table.
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("{} of {all} mutants ({}): {why}", names.len(), names.join(", "))
        });
        Some(reasons.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
    }

    /// Shows how many mutants came to what, and loudly which were not run.
    pub(super) fn show(&self) {
        let mut counts = BTreeMap::<_, usize>::new();
        for (_, fate) in &self.fates {
            *counts.entry(fate.word()).or_default() += 1;
        }
        let counts = counts.iter().map(|(word, count)| format!("{count} {word}"));
        let all = self.fates.len();
        say(&format!("{all} mutants: {}\n", counts.collect::<Vec<_>>().join(", ")));
        if let Some(not_run) = self.not_run() {
            say(&format!("NOT RUN, which proves nothing: {not_run}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary(fates: &[(&str, Fate)]) -> Summary {
        let mut summary = Summary::default();
        for (name, fate) in fates {
            summary.add((*name).to_owned(), "1.01", fate.clone(), json!(name));
        }
        summary
    }

    fn killed() -> Fate {
        Fate::Killed("1.01: two have won".to_owned())
    }

    #[test]
    fn kills_alone_are_a_success() {
        let summary = summary(&[("a", killed()), ("b", killed())]);
        assert_eq!((summary.failure(), summary.not_run()), (None, None));
        assert_eq!(summary.kills(), [json!("a"), json!("b")]);
    }

    #[test]
    fn what_was_not_run_is_named_with_its_reason_and_kept_out_of_reports() {
        let missing = || Fate::NotRun("no Redis to test on:\n  - install it".to_owned());
        let summary = summary(&[("a", missing()), ("b", killed()), ("c", missing())]);
        assert_eq!(summary.failure(), None);
        let not_run = summary.not_run().unwrap();
        assert_eq!(not_run, "2 of 3 mutants (a, c): no Redis to test on: - install it");
        assert_eq!(summary.kills(), [json!("b")]);
    }

    #[test]
    fn survivors_and_invalid_mutants_fail_it() {
        let summary = summary(&[
            ("a", Fate::Survived("its test passes".to_owned())),
            ("b", Fate::Invalid("no".to_owned())),
            ("c", Fate::FailedOtherwise("no".to_owned())),
            ("d", Fate::Error("it crashed".to_owned())),
            ("e", killed()),
        ]);
        assert_eq!(summary.failure().unwrap(), "ERROR: d; INVALID: b; NOT KILLED: c; SURVIVED: a");
        // The others have proved nothing of the test.
        assert_eq!(summary.kills(), [json!("a"), json!("c"), json!("e")]);
    }
}
