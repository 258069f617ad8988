//! Which test belongs to which rule.

use super::RuleTest;
use crate::contract;

/// The test of a rule. **A rule that is tested elsewhere is added here.**
pub(super) fn rule_test(id: &str) -> Option<RuleTest> {
    contract::rule_test(id)
}
