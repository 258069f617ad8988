//! Looks for violations of the rules in a history.

mod cancelling;
mod costs;
mod exclusion;
mod fencing;
mod mutex;
mod order;
mod precision;
mod progress;
mod violation;
mod wording;

pub use self::exclusion::overlaps;
#[cfg(test)]
use self::exclusion::overlaps_by_pairs;
pub use self::mutex::{Linearizable, Op, OpKind, Ops, linearize, ops};
pub use self::precision::Precision;
pub use self::violation::Violation;
use crate::history::History;

/// The rules that a history is checked for.
pub const CHECKED: &[&str] = &[
    "2.01", "2.02", "2.03", "2.04", "2.05", "2.06", "2.07", "2.08", "2.09", "2.10", "3.01", "3.02",
    "3.05", "4.01", "4.02", "4.03", "4.05", "5.01", "5.05", "5.06", "6.01", "6.02", "6.03", "6.04",
];

/// Every violation in `history`, in the order of time.
#[must_use]
pub fn check(history: &History, precision: Precision) -> Vec<Violation> {
    let terms = history.terms();
    let mut found = Vec::new();
    order::alternating(history, &mut found);
    order::cancelled_before_release(history, &terms, precision, &mut found);
    let overlaps = overlaps(history, &terms, precision);
    found.extend(exclusion::while_clocks_drift(history, &overlaps));
    found.extend(overlaps);
    exclusion::one_valid_term(&terms, &mut found);
    cancelling::in_time(history, &terms, precision, &mut found);
    cancelling::over_for_good(history, &terms, precision, &mut found);
    cancelling::lost_records(history, &terms, precision, &mut found);
    fencing::tokens_increase(&terms, &mut found);
    fencing::register(history, &terms, &mut found);
    mutex::linearizable(history, &terms, &mut found);
    progress::demands(history, &mut found);
    costs::requests(history, &mut found);
    costs::trouble(history, &mut found);
    found.sort_by_key(|violation| violation.at);
    found
}

#[cfg(test)]
mod tests;
