//! The tests of the rules: which test belongs to which rule.

mod contract;
mod cuts;
mod scenarios;
pub(crate) mod stress;

use crate::context::RuleTest;

/// The tests of a rule: all of them must pass. **Tests that are made elsewhere are added here.**
pub(crate) fn rule_tests(id: &str) -> Vec<RuleTest> {
    [contract::rule_test(id), scenarios::rule_test(id)].into_iter().flatten().collect()
}
