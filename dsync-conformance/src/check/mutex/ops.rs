//! The operations on a lock, from a history.

use std::collections::BTreeMap;

use super::search::{Op, OpKind};
use crate::history::{At, Event, History, LockCall, LockReturn, Term};

/// The operations on a lock that are judged, and those that are not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ops {
    /// The operations.
    pub ops: Vec<Op>,
    /// The tokens of guards that are left out, each with the reason.
    pub left_out: Vec<(u64, &'static str)>,
}

/// How a guard was given up.
#[derive(Clone, Copy, Debug)]
struct GivenUp {
    called: At,
    /// When `unlock` said that it was done. A drop says nothing.
    unlocked: Option<At>,
}

/// The operations on the lock `key`.
///
/// An attempt that did not get a guard is left out: it may have had no effect, and any effect
/// it had would only have been in the way of others, so that nothing is explained by it.
#[must_use]
pub fn ops(history: &History, terms: &[Term], key: usize) -> Ops {
    let mut called: BTreeMap<u64, (At, LockCall)> = BTreeMap::new();
    let mut locks: Vec<(u64, At, At)> = Vec::new();
    let mut given_up: BTreeMap<u64, GivenUp> = BTreeMap::new();
    for entry in &history.entries {
        match &entry.event {
            Event::LockCalled { op, key: of, what } if *of == key => {
                called.insert(*op, (entry.at, *what));
                if let LockCall::Unlock(token) | LockCall::Drop(token) = what {
                    let call = GivenUp { called: entry.at, unlocked: None };
                    given_up.entry(*token).or_insert(call);
                }
            }
            Event::LockReturned { op, what } => match (called.get(op), what) {
                (Some((from, LockCall::Lock { .. })), LockReturn::Locked(token)) => {
                    locks.push((*token, *from, entry.at));
                }
                (Some((_, LockCall::Unlock(token))), LockReturn::Unlocked) => {
                    if let Some(call) = given_up.get_mut(token) {
                        call.unlocked.get_or_insert(entry.at);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    let mut found = Ops::default();
    for (token, from, to) in locks {
        let term = terms.iter().find(|term| term.key == key && term.token == token);
        let Some(term) = term else {
            found.left_out.push((token, "nothing is known of its term"));
            continue;
        };
        if term.lost {
            found
                .left_out
                .push((token, "the store forgot its record, so it excluded no other holder"));
            continue;
        }
        found.ops.push(Op { kind: OpKind::Lock, token, from, to: Some(to) });
        let free = |from, to| Op { kind: OpKind::Free, token, from, to };
        match given_up.get(&token) {
            // It was the holder's when it said so; else it would have said that it was lost.
            Some(GivenUp { called, unlocked: Some(unlocked) }) => {
                found.ops.push(free(*called, Some(*unlocked)));
            }
            Some(GivenUp { called, unlocked: None }) => {
                found.ops.push(free((*called).min(term.valid_until), None));
            }
            None => found.ops.push(free(term.valid_until, None)),
        }
    }
    found
}
