//! What test programs record of their tests: a line of JSON each, in the file that
//! `DSYNC_TEST_OUTCOMES` names.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::fate::Ended;
use super::mutant::{Failure, Killer};

/// The variable that names the file.
pub(crate) const VARIABLE: &str = "DSYNC_TEST_OUTCOMES";

#[derive(Debug, Deserialize)]
struct Line {
    test: String,
    outcome: Outcome,
    /// What a failed test said, or why it did not run.
    #[serde(default)]
    message: String,
    /// Where it panicked.
    #[serde(default)]
    at: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Passed,
    Failed,
    NotRun,
}

/// How the test of `killer` ended, which must be the only one in the record.
pub(crate) fn ended(record: &str, killer: &Killer) -> Result<Ended> {
    let lines = record.lines().map(|line| {
        serde_json::from_str(line).with_context(|| format!("{line:?} is no outcome of a test"))
    });
    let lines: Vec<Line> = lines.collect::<Result<_>>()?;
    let [line] = &lines[..] else {
        bail!("the test program has recorded {} tests, not that of {}", lines.len(), killer.name());
    };
    if !killer.is(&line.test) {
        bail!("the test program has run {}, not the test of {}", line.test, killer.name());
    }
    let message = line.message.clone();
    Ok(match line.outcome {
        Outcome::Passed => Ended::Passed,
        Outcome::Failed => Ended::Failed(Failure { message, at: line.at.clone() }),
        Outcome::NotRun => Ended::NotRun(message),
    })
}

#[cfg(test)]
mod tests {
    use super::super::mutant::{rule, test};
    use super::*;

    const RULE: Killer = rule("1.01", "acquires");
    const PASSED: &str = r#"{"test":"required::1_01_one_winner","outcome":"passed"}"#;

    #[test]
    fn outcomes_are_read() {
        assert_eq!(ended(PASSED, &RULE).unwrap(), Ended::Passed);
        let line = r#"{"test":"tokens","outcome":"failed","message":"no","at":"a.rs:1:2"}"#;
        let failure = Failure { message: "no".to_owned(), at: Some("a.rs:1:2".to_owned()) };
        assert_eq!(ended(line, &test("tokens", "", "")).unwrap(), Ended::Failed(failure));
        let line = r#"{"test":"required::1_01_x","outcome":"not_run","message":"no Redis"}"#;
        assert_eq!(ended(line, &RULE).unwrap(), Ended::NotRun("no Redis".to_owned()));
    }

    #[test]
    fn a_record_of_anything_else_is_an_error() {
        for (record, part) in [
            ("", "recorded 0 tests"),
            (&format!("{PASSED}\n{PASSED}"), "recorded 2 tests"),
            (r#"{"test":"required::1_011_x","outcome":"passed"}"#, "has run required::1_011_x"),
            (r#"{"test":"required::1_01_x","outcome":"well"}"#, "no outcome of a test"),
            ("test required::1_01_x ... ok", "no outcome of a test"),
        ] {
            let error = ended(record, &RULE).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
