//! The times between a term and the next one.

use dsync::EndCause;

use super::incident::end_of;
use super::span::Span;
use crate::history::{At, Term};

/// From the end of a term to the next grant of its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) key: usize,
    pub(super) time: Span,
    /// The token of the term that ended, and the one of the next.
    pub(super) tokens: (u64, u64),
    /// Whether the term ran out. Otherwise its holder gave it up, and no margin is needed.
    pub(super) ran_out: bool,
}

/// The gap after each term but the last of its key. A term that a record loss hit has none, because
/// the store kept nothing for it.
pub(super) fn gaps(terms: &[Term], run_ended: At) -> Vec<Gap> {
    let mut terms: Vec<&Term> = terms.iter().filter(|term| term.granted.is_some()).collect();
    terms.sort_by_key(|term| (term.key, term.granted, term.term));
    let pairs = terms.iter().zip(terms.iter().skip(1));
    let gaps = pairs.filter_map(|(first, second)| {
        let (_, granted) = second.granted?;
        let over = end_of(first, run_ended).max(first.valid_until);
        let has_gap = first.key == second.key && !first.lost && over <= granted;
        let given_up = [EndCause::Stopped, EndCause::Resigned, EndCause::Panicked];
        has_gap.then(|| Gap {
            key: first.key,
            time: Span::new(over, granted),
            tokens: (first.token, second.token),
            ran_out: !first.killed && !first.cause.is_some_and(|cause| given_up.contains(&cause)),
        })
    });
    gaps.collect()
}
