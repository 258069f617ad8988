//! Counts tests by their outcome, from the output of the test runner.

use std::collections::BTreeSet;
use std::ops::Add;

/// Tests, and checks that aren't tests, by their outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Tally {
    /// Adds the counts of a result line of `cargo test`:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(super) fn add_line(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = counts.split([' ', ';', '.']).collect();
        let count = |what| {
            let before = words.windows(2).find(|pair| pair[1] == what).map(|pair| pair[0]);
            before.and_then(|number| number.parse::<usize>().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        self.skipped += count("ignored");
    }

    /// Returns the final line, in the format of a test runner.
    pub(super) fn closing(&self) -> String {
        let Self { passed, failed, skipped } = self;
        format!("{passed} passed, {failed} failed, {skipped} skipped\n")
    }
}

/// The reasons that tests give for not running, each once: a line `NOT RUN: …` of the test program.
#[derive(Debug, Default)]
pub(super) struct NotRun(BTreeSet<String>);

impl NotRun {
    pub(super) fn add_line(&mut self, line: &str) {
        if let Some(reason) = line.strip_prefix("NOT RUN: ") {
            self.0.insert(reason.trim_end_matches([':', '.']).to_owned());
        }
    }

    /// Returns the reasons, if there are any.
    pub(super) fn reasons(&self) -> Option<String> {
        let reasons: Vec<&str> = self.0.iter().map(String::as_str).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_for_not_running_is_listed_once() {
        let mut not_run = NotRun::default();
        assert_eq!(not_run.reasons(), None);
        for line in ["NOT RUN: no Redis to test on. One of these is enough:", "ok NOT RUN: no"] {
            not_run.add_line(line);
            not_run.add_line(line);
        }
        let reasons = not_run.reasons().unwrap();
        assert_eq!(reasons, "no Redis to test on. One of these is enough");
    }

    #[test]
    fn the_results_of_cargo_test_are_added_up() {
        let mut tally = Tally::default();
        tally.add_line(
            "test result: ok. 28 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
        );
        tally.add_line("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured");
        tally.add_line("test result_is_printed ... ok");
        tally.add_line("it printed: test result: ok. 9 passed; 9 failed");
        assert_eq!(tally, Tally { passed: 30, failed: 3, skipped: 1 });
        assert_eq!(tally.closing(), "30 passed, 3 failed, 1 skipped\n");
    }
}
