//! What a checker finds.

use crate::history::At;

/// A rule that a history violates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The id of the rule.
    pub rule: &'static str,
    /// What happened, for people.
    pub message: String,
    /// The nodes that took part.
    pub nodes: Vec<usize>,
    /// The terms that took part.
    pub terms: Vec<u64>,
    /// When it was violated.
    pub at: At,
}
