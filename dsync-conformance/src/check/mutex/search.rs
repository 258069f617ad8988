//! Checks whether operations on a fenced mutex are linearizable: the search of Wing and Gong with the
//! memory of Lowe.
//!
//! The search extends an order of operations one by one. The next operation may be any whose call
//! came before the first return among those that are still required, since an operation takes effect
//! between its call and its return. If none fits, it takes the last one back and tries another.
//! The number of orders is exponential, but two orders of the same set of operations that leave the
//! mutex in the same state have the same continuations, so each pair of set and state is tried once.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::check::wording::at;
use crate::history::At;

/// An operation on a fenced mutex. It takes effect at one instant from `from` to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// What it does.
    pub kind: OpKind,
    /// Of which guard.
    pub token: u64,
    /// When it was called.
    pub from: At,
    /// When it returned; `None`: it may take effect at any time from `from` on, or never.
    pub to: Option<At>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// The mutex is free, and the token is higher than any before: now its caller holds it.
    Lock,
    /// The guard with its token holds the mutex: now it is free.
    Free,
}

/// Whether there is an order in which every operation takes effect within its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linearizable {
    /// There is one.
    Yes,
    /// There is none.
    No {
        /// How far the best order gets, for people.
        witness: String,
        /// The token of the guard that does not fit, then that of the one in its way.
        tokens: Vec<u64>,
        /// When the operation that does not fit had returned.
        at: At,
    },
    /// The search was given up. That proves nothing, and must not be taken for a pass.
    Unknown,
}

/// Looks for an order of `ops` on a free mutex, with at most `limit` steps.
#[must_use]
pub fn linearize(ops: &[Op], limit: usize) -> Linearizable {
    let mut search = Search {
        ops,
        left: limit,
        done: vec![false; ops.len()],
        order: Vec::new(),
        seen: BTreeSet::new(),
        best: Vec::new(),
    };
    match search.go_on(State::default()) {
        Some(true) => Linearizable::Yes,
        Some(false) => search.witness(),
        None => Linearizable::Unknown,
    }
}

/// The mutex.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    holder: Option<u64>,
    highest: Option<u64>,
}

impl State {
    /// After an operation, if it can take effect now.
    fn after(self, op: &Op) -> Option<Self> {
        let token = Some(op.token);
        match op.kind {
            OpKind::Lock if self.holder.is_none() && token > self.highest => {
                Some(Self { holder: token, highest: token })
            }
            OpKind::Free if self.holder == token => Some(Self { holder: None, ..self }),
            OpKind::Lock | OpKind::Free => None,
        }
    }

    /// Whether an operation can never take effect any more, since tokens only grow.
    fn rules_out(self, op: &Op) -> bool {
        let token = Some(op.token);
        match op.kind {
            OpKind::Lock => token <= self.highest,
            OpKind::Free => token <= self.highest && self.holder != token,
        }
    }
}

struct Search<'a> {
    ops: &'a [Op],
    left: usize,
    done: Vec<bool>,
    order: Vec<usize>,
    /// The dead ends: sets of operations that were done, with the state after them.
    seen: BTreeSet<(Vec<bool>, State)>,
    /// The longest order that was found.
    best: Vec<usize>,
}

impl Search<'_> {
    /// Whether the rest can be ordered; `None`: out of steps.
    fn go_on(&mut self, state: State) -> Option<bool> {
        if self.order.len() > self.best.len() {
            self.best.clone_from(&self.order);
        }
        // 1. An operation that never returned may have had no effect, so it is optional. One that
        //    returned is required.
        let required = |index: usize| self.ops[index].to.is_some() && !self.done[index];
        let pending: Vec<usize> = (0..self.ops.len()).filter(|index| required(*index)).collect();
        if pending.is_empty() {
            return Some(true);
        }
        // 2. Cut the branch early: tokens only grow, so a required operation whose token is already
        //    behind can never take effect.
        if pending.iter().any(|index| state.rules_out(&self.ops[*index])) {
            return Some(false);
        }
        // 3. Everything that returned before an operation was called must precede it in the order.
        //    So the next operation was called before the first return of those that are pending.
        let deadline = pending.iter().filter_map(|index| self.ops[*index].to).min();
        for index in 0..self.ops.len() {
            let op = &self.ops[index];
            if self.done[index] || deadline.is_some_and(|deadline| op.from > deadline) {
                continue;
            }
            let Some(after) = state.after(op) else { continue };
            // 4. Take it, unless this set of operations and this state led nowhere before.
            self.left = self.left.checked_sub(1)?;
            self.done[index] = true;
            if self.seen.insert((self.done.clone(), after)) {
                self.order.push(index);
                if self.go_on(after)? {
                    return Some(true);
                }
                self.order.pop();
            }
            self.done[index] = false;
        }
        Some(false)
    }

    /// How far the best order gets, and what does not fit behind it.
    fn witness(&self) -> Linearizable {
        let left = (0..self.ops.len()).filter(|index| !self.best.contains(index));
        let left = left.map(|index| &self.ops[index]);
        let stuck = left.clone().filter(|op| op.to.is_some()).min_by_key(|op| (op.to, op.token));
        let Some(stuck) = stuck else { return Linearizable::Unknown };
        let mut state = State::default();
        let mut witness = String::new();
        for index in &self.best {
            state = state.after(&self.ops[*index]).unwrap_or(state);
        }
        let what = match stuck.kind {
            OpKind::Lock => "was acquired",
            OpKind::Free => "was unlocked",
        };
        let returned = stuck.to.unwrap_or(stuck.from);
        let _ = write!(
            witness,
            "the guard with token {} {what} between {} and {}, but ",
            stuck.token,
            at(stuck.from),
            at(returned)
        );
        let _ = match state.holder {
            Some(holder) if holder != stuck.token => {
                let frees = left.filter(|op| op.kind == OpKind::Free && op.token == holder);
                match frees.map(|op| op.from).min() {
                    Some(free) => write!(
                        witness,
                        "the one with token {holder} was not free before {}",
                        at(free)
                    ),
                    None => write!(witness, "the one with token {holder} was never given up"),
                }
            }
            _ => match state.highest {
                Some(highest) => {
                    write!(witness, "the one with token {highest} had been acquired before")
                }
                None => write!(witness, "it was free"),
            },
        };
        witness.push_str(": no order of events explains both");
        let other = state.holder.or(state.highest).filter(|other| *other != stuck.token);
        let tokens = [stuck.token].into_iter().chain(other).collect();
        Linearizable::No { witness, tokens, at: returned }
    }
}
