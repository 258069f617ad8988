//! The outcomes of tests, for programs.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::Verdict;

/// The environment variable that names a file to which each test appends its outcome, as a line of
/// JSON: `test`, its name; `outcome`, one of `passed`, `failed` and `not_run`; and `message`, what a
/// failed test says, or why a test could not judge.
pub const OUTCOMES_VARIABLE: &str = "DSYNC_TEST_OUTCOMES";

/// Appends how the test of a rule ended.
pub(super) fn record(test: &str, verdict: &Verdict) {
    append(&line(test, verdict));
}

/// Appends that a test could not run.
pub(super) fn record_not_run(test: &str, why: &str) {
    append(&not_run(test, why));
}

fn line(test: &str, verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Pass | Verdict::Partial(_) => json!({ "test": test, "outcome": "passed" }),
        Verdict::Fail(why) => json!({ "test": test, "outcome": "failed", "message": why }),
        Verdict::Invalid(why) => {
            let why = format!("the run proves nothing: {why}");
            json!({ "test": test, "outcome": "failed", "message": why })
        }
        Verdict::Skip(why) | Verdict::Untested(why) => not_run(test, why),
        Verdict::Inconclusive(why) => not_run(test, &format!("inconclusive: {why}")),
    }
}

fn not_run(test: &str, why: &str) -> Value {
    json!({ "test": test, "outcome": "not_run", "message": why })
}

fn append(line: &Value) {
    let Some(file) = std::env::var_os(OUTCOMES_VARIABLE) else { return };
    if let Err(error) = append_to(Path::new(&file), line) {
        // The outcome is missing there, which its reader has to notice.
        drop(writeln!(io::stderr(), "{OUTCOMES_VARIABLE}: {}: {error}", file.display()));
    }
}

fn append_to(file: &Path, line: &Value) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    // In one piece: tests end at the same time.
    file.write_all(format!("{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_judgement_is_an_outcome_of_pass_or_fail() {
        let why = || "a reason".to_owned();
        for (verdict, outcome) in [
            (Verdict::Pass, "passed"),
            (Verdict::Partial(why()), "passed"),
            (Verdict::Fail(why()), "failed"),
            (Verdict::Invalid(why()), "failed"),
            (Verdict::Skip(why()), "not_run"),
            (Verdict::Inconclusive(why()), "not_run"),
            (Verdict::Untested(why()), "not_run"),
        ] {
            let line = line("required::1_01_x", &verdict);
            assert_eq!(
                (&line["test"], &line["outcome"]),
                (&json!("required::1_01_x"), &json!(outcome))
            );
            let says = line["message"].as_str().unwrap_or_default();
            assert_eq!(says.contains("a reason"), outcome != "passed", "{line}");
        }
    }

    #[test]
    fn lines_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("outcomes");
        for name in ["a", "b"] {
            append_to(&file, &not_run(name, "two\nlines")).unwrap();
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, [not_run("a", "two\nlines"), not_run("b", "two\nlines")]);
    }
}
