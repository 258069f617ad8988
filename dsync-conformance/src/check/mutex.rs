//! A lock is a fenced mutex, and what was seen of it fits one order of events.

use std::collections::BTreeMap;

use super::at;
use crate::history::{At, Event, History, LockCall, LockReturn, Term};
use crate::violation::Violation;

/// One guard: it was acquired at some instant from `called` to `returned`, and given up at some
/// instant from `freed` on, if nobody had waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) token: u64,
    pub(super) called: At,
    pub(super) returned: At,
    pub(super) freed: At,
}

/// 5.01: there is an order of acquisitions and releases in which each takes effect within its own
/// call, nobody acquires what is held, and each token is higher than the one before. What was
/// called and never answered may take effect at any time, or never.
///
/// Tokens are in the order of acquisitions, so there is only one order to try, and the earliest
/// instant for each event is the best.
pub(super) fn linearizable(history: &History, terms: &[Term], found: &mut Vec<Violation>) {
    for (key, info) in history.keys.iter().enumerate() {
        if !info.is_lock {
            continue;
        }
        let mut holds = holds(history, terms, key);
        holds.sort_by_key(|hold| hold.token);
        if let Some((first, second)) = conflict(&holds) {
            found.push(Violation {
                rule: "5.01",
                message: format!(
                    "the guard with token {} was asked for at {} and there at {}, and the one with \
                     token {} was not free before {}: no order of events explains both",
                    second.token,
                    at(second.called),
                    at(second.returned),
                    first.token,
                    at(first.freed)
                ),
                nodes: Vec::new(),
                terms: Vec::new(),
                at: second.returned,
            });
        }
    }
}

/// The first two guards, in the order of their tokens, that cannot both have been.
pub(super) fn conflict(holds: &[Hold]) -> Option<(Hold, Hold)> {
    let mut free_from = At::ZERO;
    for (index, hold) in holds.iter().enumerate() {
        let acquired = hold.called.max(free_from);
        if acquired > hold.returned || (index > 0 && holds[index - 1].token == hold.token) {
            // It is the first, if nothing comes before it that could be in its way.
            return Some((holds[index.saturating_sub(1)], *hold));
        }
        free_from = acquired.max(hold.freed);
    }
    None
}

/// The guards of a lock. Those whose record the store forgot are left out: nothing kept anybody
/// from acquiring beside them.
fn holds(history: &History, terms: &[Term], key: usize) -> Vec<Hold> {
    let mut called: BTreeMap<u64, At> = BTreeMap::new();
    let mut given_up: BTreeMap<u64, At> = BTreeMap::new();
    let mut found = Vec::new();
    for entry in &history.entries {
        match &entry.event {
            Event::LockCalled { op, key: of, what } if *of == key => match what {
                LockCall::Lock { .. } => drop(called.insert(*op, entry.at)),
                LockCall::Unlock(token) | LockCall::Drop(token) => {
                    given_up.entry(*token).or_insert(entry.at);
                }
            },
            Event::LockReturned { op, what: LockReturn::Locked(token) } => {
                if let Some(called) = called.get(op) {
                    found.push((*token, *called, entry.at));
                }
            }
            _ => {}
        }
    }
    let hold = |(token, called, returned): (u64, At, At)| {
        let term = terms.iter().find(|term| term.key == key && term.token == token)?;
        if term.lost {
            return None;
        }
        // It may run out by itself before its user gives it up.
        let freed = given_up.get(&token).map_or(term.valid_until, |at| term.valid_until.min(*at));
        Some(Hold { token, called, returned, freed })
    };
    found.into_iter().filter_map(hold).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn hold(token: u64, called: u64, returned: u64, freed: u64) -> Hold {
        let ms = Duration::from_millis;
        Hold { token, called: ms(called), returned: ms(returned), freed: ms(freed) }
    }

    #[test]
    fn one_after_the_other_is_right() {
        assert_eq!(conflict(&[hold(1, 0, 5, 10), hold(2, 3, 12, 20)]), None);
    }

    #[test]
    fn two_holders_at_once_are_not() {
        assert!(conflict(&[hold(1, 0, 5, 10), hold(2, 3, 8, 20)]).is_some());
    }

    #[test]
    fn a_token_must_not_come_twice() {
        assert!(conflict(&[hold(1, 0, 5, 10), hold(1, 11, 12, 20)]).is_some());
    }

    #[test]
    fn a_lower_token_after_a_higher_one_is_wrong() {
        let mut holds = [hold(2, 0, 5, 10), hold(1, 11, 12, 20)];
        holds.sort_by_key(|hold| hold.token);
        assert!(conflict(&holds).is_some());
    }

    /// Every order, every instant of a small clock: what the definition says, and nothing clever.
    fn by_trying(holds: &[Hold]) -> bool {
        fn place(left: &[Hold], free_from: u64, token: u64) -> bool {
            left.is_empty()
                || (0..left.len()).any(|index| {
                    let mut rest = left.to_vec();
                    let hold = rest.remove(index);
                    let ms = |at: Duration| u64::try_from(at.as_millis()).unwrap();
                    let fits = hold.token > token;
                    fits && (ms(hold.called)..=ms(hold.returned)).any(|acquired| {
                        acquired >= free_from
                            && (ms(hold.freed).max(acquired)..=40)
                                .any(|freed| place(&rest, freed, hold.token))
                    })
                })
        }
        place(holds, 0, 0)
    }

    proptest! {
        #[test]
        fn it_agrees_with_trying_everything(
            raw in prop::collection::vec((1..5_u64, 0..10_u64, 0..6_u64, 0..8_u64), 0..4)
        ) {
            let mut holds: Vec<_> = raw
                .into_iter()
                .map(|(token, called, took, held)| {
                    hold(token, called, called + took, called + held)
                })
                .collect();
            let expected = by_trying(&holds);
            holds.sort_by_key(|hold| hold.token);
            prop_assert_eq!(conflict(&holds).is_none(), expected, "{:?}", holds);
        }
    }
}
