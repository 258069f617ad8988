//! The rules that a driver keeps by itself: section 1.

mod definite;
mod deleted;
mod dropped;
mod early;
mod errors;
mod expiry;
mod foreign;
mod fresh;
mod late;
mod lost;
mod names;
mod nonce;
mod one_winner;
mod silent;
mod stale;
mod versions;
mod watching;

use crate::context::RuleTest;

/// The test of a rule of section 1.
pub(crate) fn rule_test(id: &str) -> Option<RuleTest> {
    Some(match id {
        "1.01" => |case| Box::pin(one_winner::test(case)),
        "1.02" => |case| Box::pin(stale::test(case)),
        "1.03" => |case| Box::pin(errors::test(case)),
        "1.04" => |case| Box::pin(nonce::test(case)),
        "1.05" => |case| Box::pin(versions::test(case)),
        "1.06" => |case| Box::pin(fresh::test(case)),
        "1.07" => |case| Box::pin(early::test(case)),
        "1.08" => |case| Box::pin(late::test(case)),
        "1.09" => |case| Box::pin(foreign::test(case)),
        "1.10" => |case| Box::pin(dropped::test(case)),
        "1.11" => |case| Box::pin(watching::test(case)),
        "1.12" => |case| Box::pin(deleted::test(case)),
        "1.13" => |case| Box::pin(silent::test(case)),
        "1.14" => |case| Box::pin(names::test(case)),
        _ => return None,
    })
}
