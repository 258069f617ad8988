//! Every rule, once: the names of tests, the documentation and the reports come from here.

use serde::{Deserialize, Serialize};

/// How a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Every driver keeps it.
    Required,
    /// Whoever declares the capability keeps it.
    Capability,
    /// Reported, not judged.
    Stochastic,
    /// Nobody can test it.
    Untestable,
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
    /// The rule in whole sentences.
    pub text: &'static str,
}

/// The version of the rules: it grows when a rule is added or changed.
pub const VERSION: u32 = 1;

/// All rules in the order of their ids.
pub const RULES: &[Rule] = &[Rule {
    id: "2.02",
    kind: Kind::Required,
    name: "cancelled_before_re_elected",
    text: "Over all candidates: a term is cancelled, and its work has stopped, before anybody is \
           elected again.",
}];
