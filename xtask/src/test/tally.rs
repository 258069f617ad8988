//! Counts tests by their outcome, from the output of the test runner.

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
