//! Who held a key, as the store saw it.

use std::collections::BTreeMap;

use crate::history::{At, Event, History, Outcome};

/// A time in which the record named one holder.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) key: usize,
    pub(super) node: Option<usize>,
    pub(super) token: u64,
    pub(super) from: At,
    pub(super) to: At,
    pub(super) end: HoldEnd,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldEnd {
    Released,
    /// Its lease ran out; another candidate may take the key from then on.
    Expired,
    /// Another candidate was granted the key before the lease had run out.
    Replaced,
    /// The store forgot it.
    Forgotten,
    /// It went on when the run was over.
    Open,
}

impl HoldEnd {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Expired => "the lease ran out",
            Self::Replaced => "another was granted the key before the lease ran out",
            Self::Forgotten => "the store forgot it",
            Self::Open => "still held at the end of the run",
        }
    }
}

struct Open {
    hold: Hold,
    holder: Option<String>,
    runs_out: At,
}

impl Open {
    fn close(mut self, at: At, end: HoldEnd) -> Hold {
        (self.hold.to, self.hold.end) =
            if at >= self.runs_out { (self.runs_out, HoldEnd::Expired) } else { (at, end) };
        self.hold
    }
}

/// Every hold of every key, in the order in which they ended.
pub(super) fn holds(history: &History, end: At) -> Vec<Hold> {
    let lease = history.timing.lease;
    let mut open: BTreeMap<usize, Open> = BTreeMap::new();
    let mut found = Vec::new();
    for entry in &history.entries {
        let at = entry.at;
        match &entry.event {
            Event::Stored { key, holder, outcome, .. } => {
                let holder = holder.as_ref().map(|holder| holder.as_str().to_owned());
                let current = open.get_mut(key);
                let is_its = current.as_ref().is_some_and(|open| open.holder == holder);
                match outcome {
                    Outcome::Won(token) => {
                        let before = open.remove(key);
                        found.extend(before.map(|before| before.close(at, HoldEnd::Replaced)));
                        let hold = Hold {
                            key: *key,
                            node: entry.node,
                            token: *token,
                            from: at,
                            to: end,
                            end: HoldEnd::Open,
                        };
                        open.insert(*key, Open { hold, holder, runs_out: at + lease });
                    }
                    Outcome::Kept if is_its => {
                        if let Some(current) = current {
                            current.runs_out = at + lease;
                        }
                    }
                    Outcome::Released if is_its => {
                        let before = open.remove(key);
                        found.extend(before.map(|before| before.close(at, HoldEnd::Released)));
                    }
                    _ => {}
                }
            }
            Event::RecordLoss { key, .. } => {
                let hit: Vec<usize> =
                    open.keys().copied().filter(|of| key.is_none_or(|key| key == *of)).collect();
                for key in hit {
                    let before = open.remove(&key);
                    found.extend(before.map(|before| before.close(at, HoldEnd::Forgotten)));
                }
            }
            _ => {}
        }
    }
    found.extend(open.into_values().map(|open| open.close(end, HoldEnd::Open)));
    found
}
