//! The fate of a mutant.

use anyhow::Result;

use super::mutant::{Failure, Killer};

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Passed,
    Failed(Failure),
    /// It could not judge, by a lack of something; the text says of what.
    NotRun(String),
}

/// The fate of a mutant. Only a killed one is proof that its test can fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its test passes without the mistake and fails with it, as it must. The message.
    Killed(String),
    /// Its test does not find it. How.
    Survived(String),
    /// Its test fails, but not as it must. What it said.
    FailedOtherwise(String),
    /// Its test also fails without the mistake. What it said.
    Invalid(String),
    /// Something is missing. What, and how to get it.
    NotRun(String),
    /// The self-test itself has failed: a test program crashed, hung, or has no such test.
    Error(String),
}

impl Fate {
    /// Whether the self-test fails with it.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self, Self::Killed(_) | Self::NotRun(_))
    }

    /// Whether it says something of the test: only then it belongs into a report.
    pub(crate) fn is_evidence(&self) -> bool {
        matches!(self, Self::Killed(_) | Self::Survived(_) | Self::FailedOtherwise(_))
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Killed(_) => "killed",
            Self::Survived(_) => "SURVIVED",
            Self::FailedOtherwise(_) => "NOT KILLED",
            Self::Invalid(_) => "INVALID",
            Self::NotRun(_) => "NOT RUN",
            Self::Error(_) => "ERROR",
        }
    }

    /// What to show of it beside the word; empty: nothing.
    pub(crate) fn detail(&self) -> String {
        match self {
            // A reason that many mutants have in common is shown once, at the end.
            Self::Killed(_) | Self::NotRun(_) => String::new(),
            Self::Survived(how) | Self::Error(how) => how.clone(),
            Self::FailedOtherwise(said) => {
                format!("its test fails, but not by the expected assertion:\n{said}")
            }
            Self::Invalid(said) => format!("its test also fails without the mistake:\n{said}"),
        }
    }
}

/// Judges a mutant by its test. `control` is how the same test, of the same build, ended without
/// any mistake; `mutant` runs the test with the mistake.
pub(crate) fn judge(
    killer: &Killer,
    control: &Result<Ended>,
    mutant: impl FnOnce() -> Result<Ended>,
) -> Fate {
    match control {
        Ok(Ended::Passed) => {}
        Ok(Ended::Failed(failure)) => return Fate::Invalid(failure.to_string()),
        Ok(Ended::NotRun(why)) => return Fate::NotRun(why.clone()),
        Err(error) => return Fate::Error(format!("without the mistake: {error:#}")),
    }
    match mutant() {
        Ok(Ended::Passed) => Fate::Survived("its test passes".to_owned()),
        Ok(Ended::Failed(failure)) if killer.expects(&failure) => Fate::Killed(failure.message),
        Ok(Ended::Failed(failure)) => Fate::FailedOtherwise(failure.to_string()),
        Ok(Ended::NotRun(why)) => Fate::NotRun(why),
        Err(error) => Fate::Error(format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::mutant::{rule, test};
    use super::*;

    const RULE: Killer = rule("1.09", "A release never touches the lease of another holder");
    const TEST: Killer = test("tokens_grow", "tests/server/tokens.rs", "assertion failed: first <");

    fn failed(message: &str, at: Option<&str>) -> Ended {
        Ended::Failed(Failure { message: message.to_owned(), at: at.map(str::to_owned) })
    }

    fn fate(killer: &Killer, mutant: Ended) -> Fate {
        judge(killer, &Ok(Ended::Passed), || Ok(mutant))
    }

    #[test]
    fn the_expected_violation_kills() {
        let message = "1.09: release answered Freed. A release never touches the lease of another \
                       holder: make the store compare the holder";
        let fate = fate(&RULE, failed(message, None));
        assert_eq!(fate, Fate::Killed(message.to_owned()));
        assert!(!fate.is_failure() && fate.is_evidence());
    }

    #[test]
    fn the_expected_assertion_kills() {
        let at = Some("mutated/dsync-redis/tests/server/tokens.rs:40:9");
        let fate = fate(&TEST, failed("assertion failed: first < second", at));
        assert_eq!(fate, Fate::Killed("assertion failed: first < second".to_owned()));
    }

    #[test]
    fn a_missing_server_neither_kills_nor_survives() {
        // It names what could be done, and with it half the words of the rules.
        let why = "no Redis to test on: A release never touches the lease of another holder";
        let missing = || Ok(Ended::NotRun(why.to_owned()));
        let never = || panic!("a mutant is run although its control was not");
        for fate in [
            judge(&RULE, &missing(), never),
            judge(&TEST, &missing(), never),
            judge(&RULE, &Ok(Ended::Passed), missing),
        ] {
            assert_eq!(fate, Fate::NotRun(why.to_owned()));
            assert!(!fate.is_failure() && !fate.is_evidence());
        }
    }

    #[test]
    fn a_control_that_fails_makes_the_mutant_invalid() {
        let said = "1.09: A release never touches the lease of another holder";
        let fate = judge(&RULE, &Ok(failed(said, None)), || panic!("a mutant without a control"));
        assert_eq!(fate, Fate::Invalid(said.to_owned()));
        assert!(fate.is_failure() && !fate.is_evidence());
    }

    #[test]
    fn the_right_words_in_the_wrong_place_do_not_kill() {
        let says = "A release never touches the lease of another holder";
        for (killer, message, at) in [
            // Another rule, the set-up, and a panic of the suite's own.
            (&RULE, format!("1.02: {says}"), None),
            (&RULE, format!("1.090: {says}"), None),
            (&RULE, says.to_owned(), None),
            (
                &RULE,
                format!("1.09: {says}"),
                Some("mutated/dsync-redis/tests/conformance/site.rs:9:9"),
            ),
            // The set-up of the test, a word within another message, a test without a place.
            (&TEST, "assertion failed: first < x".to_owned(), Some("tests/server/main.rs:62:5")),
            (
                &TEST,
                "no server: assertion failed: first <".to_owned(),
                Some("tests/server/tokens.rs:1:1"),
            ),
            (&TEST, "assertion failed: first < x".to_owned(), None),
        ] {
            let fate = fate(killer, failed(&message, at));
            assert!(
                matches!(&fate, Fate::FailedOtherwise(said) if said.contains(&message)),
                "{fate:?}"
            );
            assert!(fate.is_failure() && fate.is_evidence());
        }
    }

    #[test]
    fn a_test_that_passes_lets_the_mutant_survive() {
        let fate = fate(&RULE, Ended::Passed);
        assert!(matches!(fate, Fate::Survived(_)) && fate.is_failure() && fate.is_evidence());
    }

    #[test]
    fn a_program_that_crashes_is_an_error_and_no_kill() {
        let crashed = || Err(anyhow::anyhow!("the test program was killed by signal 11"));
        for fate in [
            judge(&RULE, &crashed(), || panic!("a mutant without a control")),
            judge(&RULE, &Ok(Ended::Passed), crashed),
        ] {
            assert!(matches!(&fate, Fate::Error(why) if why.contains("signal 11")), "{fate:?}");
            assert!(fate.is_failure() && !fate.is_evidence());
        }
    }
}
