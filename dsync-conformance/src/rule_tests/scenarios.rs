//! Rules that are shown by directed scenarios: the core over a driver that works, or several
//! calls of the driver in a row. They run in either time.

mod common;
mod deaf;
mod elected_again;
mod elected_in_time;
mod gave_up;
mod guard_dropped;
mod hand_off;
mod increasing;
mod leftovers;
mod shutdown;
mod survives_delete;
mod token_in_term;
mod try_lock;
mod wake_ups;

use crate::context::RuleTest;

/// The test of a rule that is shown by a scenario.
pub(crate) fn rule_test(id: &str) -> Option<RuleTest> {
    Some(match id {
        "3.01" => |case| Box::pin(increasing::test(case)),
        "3.02" => |case| Box::pin(token_in_term::test(case)),
        "3.03" => |case| Box::pin(survives_delete::test(case)),
        "4.01" => |case| Box::pin(elected_in_time::test(case)),
        "4.02" => |case| Box::pin(hand_off::test(case)),
        "4.06" => |case| Box::pin(elected_again::test(case)),
        "5.02" => |case| Box::pin(guard_dropped::test(case)),
        "5.03" => |case| Box::pin(try_lock::test(case)),
        "5.04" => |case| Box::pin(gave_up::test(case)),
        "5.05" => |case| Box::pin(wake_ups::test(case)),
        "6.02" => |case| Box::pin(leftovers::test(case)),
        "6.03" => |case| Box::pin(shutdown::test(case)),
        _ => return None,
    })
}
