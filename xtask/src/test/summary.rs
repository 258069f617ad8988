//! Sums up the results of the stages, and lists what was skipped.

use std::fmt::Write as _;
use std::time::Duration;

use super::Outcome;
use super::tally::Tally;

/// The results of the stages so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    lines: Vec<String>,
    left_out: Vec<String>,
    /// Stages that passed, but could not check everything here.
    partial: Vec<String>,
    /// The stages, except those whose tests are counted individually.
    pub(super) tally: Tally,
}

impl Summary {
    /// Adds a stage, and returns its line. `tests` are those that the stage has counted itself.
    pub(super) fn add(
        &mut self,
        stage: &str,
        outcome: Outcome,
        took: Duration,
        require_all: bool,
        tests: Option<Tally>,
    ) -> String {
        let one = usize::from(tests.is_none());
        let (word, detail) = match outcome {
            Outcome::Passed => {
                self.tally.passed += one;
                ("passed", String::new())
            }
            Outcome::PassedBut(what) => {
                self.tally.passed += one;
                self.partial.push(format!("{stage}: {what}"));
                ("passed", format!("but: {what}"))
            }
            Outcome::Failed(why) => {
                // A test that does not compile fails without being counted.
                self.tally.failed += usize::from(tests.is_none_or(|tests| tests.failed == 0));
                ("FAILED", why)
            }
            Outcome::NotRun(why) => {
                self.left_out.push(format!("{stage}: {why}"));
                if require_all {
                    self.tally.failed += 1;
                    ("FAILED", format!("NOT RUN: {why}"))
                } else {
                    self.tally.skipped += 1;
                    ("NOT RUN", why)
                }
            }
        };
        let line =
            format!("{stage:<10}{word:<9}{:>7}  {detail}", clock(took)).trim_end().to_owned();
        self.lines.push(line.clone());
        line
    }

    /// Returns the summary. Its last line has the totals, in the format of a test runner.
    pub(super) fn text(&self, tests: Tally, took: Duration) -> String {
        let mut text = format!("\n=== summary, after {}\n", clock(took));
        for line in &self.lines {
            let _ = writeln!(text, "{line}");
        }
        for (heading, lines) in [("left out", &self.left_out), ("checked in part", &self.partial)] {
            if !lines.is_empty() {
                let _ = writeln!(text, "\n=== {heading}");
                for line in lines {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
        let _ = write!(text, "\n{}", (self.tally + tests).closing());
        text
    }
}

/// Minutes and seconds: `4:07`.
pub(super) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_run() -> Outcome {
        Outcome::NotRun("no engine: start one".to_owned())
    }

    #[test]
    fn what_was_left_out_is_listed_and_fails_only_where_all_is_required() {
        for (require_all, failed, skipped) in [(false, 0, 1), (true, 1, 0)] {
            let mut summary = Summary::default();
            summary.add("ways", not_run(), Duration::ZERO, require_all, None);
            assert_eq!(summary.tally, Tally { passed: 0, failed, skipped });
            let text = summary.text(Tally::default(), Duration::from_secs(61));
            assert!(text.contains("=== left out\nways: no engine: start one\n"), "{text}");
            assert!(text.contains("after 1:01"), "{text}");
            assert!(text.ends_with(&format!("0 passed, {failed} failed, {skipped} skipped\n")));
        }
    }

    #[test]
    fn a_stage_is_counted_once_and_its_own_tests_one_by_one() {
        let mut summary = Summary::default();
        let failed = || Outcome::Failed("see above".to_owned());
        summary.add("fmt", Outcome::Passed, Duration::ZERO, false, None);
        let tests = Tally { passed: 8, failed: 2, skipped: 0 };
        summary.add("test", failed(), Duration::ZERO, false, Some(tests));
        assert_eq!(summary.tally + tests, Tally { passed: 9, failed: 2, skipped: 0 });
        // A test target that does not compile.
        summary.add("test", failed(), Duration::ZERO, false, Some(Tally::default()));
        assert_eq!(summary.tally.failed, 1);
        assert!(!summary.text(tests, Duration::ZERO).contains("left out"));
    }
}
