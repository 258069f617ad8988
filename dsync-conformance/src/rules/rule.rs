//! A rule, and a section of them.

use serde::{Deserialize, Serialize};

use super::need::Need;

/// How a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every driver keeps it.
    Required,
    /// A driver that declares the capability keeps it.
    Capability,
    /// Reported, not judged.
    Stochastic,
    /// It cannot be tested.
    Untestable,
}

impl Kind {
    /// One word, as in the names of tests.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Capability => "capability",
            Self::Stochastic => "stochastic",
            Self::Untestable => "untestable",
        }
    }
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Such as `"2.02"`. It never changes its meaning.
    pub id: &'static str,
    /// How it binds.
    pub kind: Kind,
    /// A few words in `snake_case`, for the name of its test.
    pub name: &'static str,
    /// The rule in whole sentences, with the words that [`PREAMBLE`](super::PREAMBLE) defines.
    pub text: &'static str,
    /// What its test needs of the driver or of the harness. Without it the rule is skipped, or
    /// judged by what can be seen.
    pub needs: Option<Need>,
    /// Why it cannot be tested.
    pub untestable: Option<&'static str>,
}

impl Rule {
    /// The name of its test, such as `required::2_02_cancelled_before_re_elected`.
    #[must_use]
    pub fn test_name(&self) -> String {
        format!("{}::{}_{}", self.kind.word(), self.id.replace('.', "_"), self.name)
    }

    /// A rule of a section: required, without needs.
    pub(super) const fn required(id: &'static str, name: &'static str, text: &'static str) -> Self {
        Self { id, kind: Kind::Required, name, text, needs: None, untestable: None }
    }

    pub(super) const fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) const fn needing(self, need: Need) -> Self {
        Self { needs: Some(need), ..self }
    }

    pub(super) const fn never_tested(self, why: &'static str) -> Self {
        Self { kind: Kind::Untestable, untestable: Some(why), ..self }
    }
}

/// Rules that belong together: those whose ids begin with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// What the ids of its rules begin with.
    pub number: u8,
    /// What they are about.
    pub title: &'static str,
    /// A paragraph on all of them.
    pub about: &'static str,
    /// The rules in the order of their ids.
    pub rules: &'static [Rule],
}
