//! Looks for violations of the rules in a history.

mod cancelling;
mod costs;
mod exclusion;
mod fencing;
mod mutex;
mod order;
mod progress;
mod violation;

use std::time::Duration;

pub use self::exclusion::overlaps;
#[cfg(test)]
use self::exclusion::overlaps_by_pairs;
pub use self::mutex::{Linearizable, Op, OpKind, Ops, linearize, ops};
pub use self::violation::Violation;
use crate::history::{History, Term};

/// How exactly instants are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    /// How much later than it should user code may hear of something.
    pub late: Duration,
    /// Whether the instants at which user code hears of something are exact. Where they are not,
    /// nobody can tell from them who was first: a busy machine writes them down late.
    pub exact: bool,
}

impl Precision {
    /// In virtual time: timers are rounded to milliseconds.
    pub const VIRTUAL: Self = Self { late: Duration::from_millis(5), exact: true };

    /// In real time, on a machine that does other things as well.
    pub const REAL: Self = Self { late: Duration::from_millis(400), exact: false };
}

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

/// The name of a term, for messages.
fn named(history: &History, term: &Term) -> String {
    let node = history.nodes.get(term.node).map_or("?", |node| &node.name);
    let key = history.keys.get(term.key).map_or("?", |key| &key.name);
    format!("the term of {node} (token {}, {key})", term.token)
}

/// An instant, for messages.
fn at(instant: Duration) -> String {
    format!("{:.3} s", instant.as_secs_f64())
}

#[cfg(test)]
mod tests;
