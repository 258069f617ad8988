//! Which test belongs to which rule.

use super::RuleTest;
use crate::{contract, scenarios};

/// The tests of a rule: all of them must pass. **Tests that are made elsewhere are added here.**
pub(super) fn rule_tests(id: &str) -> Vec<RuleTest> {
    [contract::rule_test(id), scenarios::rule_test(id)].into_iter().flatten().collect()
}
