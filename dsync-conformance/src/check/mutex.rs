//! A lock is a fenced mutex, and what was seen of it fits one order of events.

mod ops;
mod search;

pub use self::ops::{Ops, ops};
pub use self::search::{Linearizable, Op, OpKind, linearize};
use crate::check::violation::Violation;
use crate::history::{History, Term};

/// The search is given up after so many steps. Real histories need about one for each operation.
const STEPS: usize = 1_000_000;

/// 5.01: there is an order of acquisitions and releases in which each takes effect within its own
/// call, no call acquires what is held, each token is higher than the one before, and only the
/// holder unlocks. What was called and never answered may take effect at any time, or never.
pub(super) fn linearizable(history: &History, terms: &[Term], found: &mut Vec<Violation>) {
    for (key, _) in history.keys.iter().enumerate().filter(|(_, info)| info.is_lock) {
        let (message, tokens, at) = match linearize(&ops(history, terms, key).ops, STEPS) {
            Linearizable::Yes => continue,
            Linearizable::No { witness, tokens, at } => (witness, tokens, at),
            // The search ran out of steps, which is not a pass.
            Linearizable::Unknown => {
                let message = format!("not decided: no order of events was found in {STEPS} steps");
                (message, Vec::new(), history.ended_at)
            }
        };
        let of = |term: &&Term| term.key == key && tokens.contains(&term.token);
        let involved: Vec<&Term> = terms.iter().filter(of).collect();
        found.push(Violation {
            rule: "5.01",
            message,
            nodes: involved.iter().map(|term| term.node).collect(),
            terms: involved.iter().map(|term| term.term).collect(),
            at,
        });
    }
}

#[cfg(test)]
mod tests;
