//! Counts what the test runner reports.

/// Tests by their outcome.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Tally {
    /// Takes one line of `cargo test`: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn read(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else { return };
        let count = |word: &str| -> usize {
            let words: Vec<&str> = counts.split([' ', ';', '.']).collect();
            let at = words.iter().position(|w| *w == word);
            at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        self.ignored += count("ignored");
    }

    /// The closing line: tests, and stages that are not tests, together.
    pub(crate) fn closing(&self, stages_passed: usize, stages_failed: usize) -> String {
        let failed = if self.failed == 0 { stages_failed } else { self.failed };
        format!(
            "{} passed, {failed} failed, {} skipped\n",
            self.passed + stages_passed,
            self.ignored
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_adds_up_what_cargo_test_prints() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 28 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        tally.read("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured");
        tally.read("test some::test ... ok");
        assert_eq!(tally.closing(4, 1), "34 passed, 3 failed, 1 skipped\n");
    }
}
