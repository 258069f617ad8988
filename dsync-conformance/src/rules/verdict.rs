//! The verdict on a rule.

use serde::{Deserialize, Serialize};

/// The result of testing one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
pub enum Verdict {
    /// It was tested, and holds.
    Pass,
    /// It is violated. The text says what is wrong, for the author of the driver.
    Fail(String),
    /// It does not apply here; the text says why.
    Skip(String),
    /// It holds as far as it could be tested; the text says what is missing.
    Partial(String),
    /// The run was too weak to say anything: too few faults, hand-overs or answers that were lost.
    Invalid(String),
    /// The machine stood still for too long to judge a time.
    Inconclusive(String),
    /// It cannot be tested; the text says why.
    Untested(String),
}

impl Verdict {
    /// Whether the run as a whole fails with it.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Fail(_) | Self::Invalid(_))
    }

    /// One word, as in reports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Skip(_) => "skip",
            Self::Partial(_) => "partial",
            Self::Invalid(_) => "invalid",
            Self::Inconclusive(_) => "inconclusive",
            Self::Untested(_) => "untested",
        }
    }
}

/// What a part of a test comes to. `Err` ends the test with that verdict.
pub(crate) type Outcome<T = ()> = Result<T, Verdict>;
