//! Who held a key, as the store saw it.

use std::collections::BTreeMap;

use dsync::driver::Holder;

use super::span::Span;
use crate::history::{At, Entry, Event, History, Outcome};

/// A time in which the record named one holder.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub(super) key: usize,
    pub(super) node: Option<usize>,
    pub(super) token: u64,
    pub(super) time: Span,
    pub(super) end: HoldEnd,
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldEnd {
    Released,
    /// Its lease ran out; another candidate may take the key from then on.
    Expired,
    /// Another candidate was granted the key before the lease had run out.
    Replaced,
    /// The store lost the record.
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

impl Hold {
    /// Ends the hold, unless its lease had run out before.
    fn end(&mut self, at: At, end: HoldEnd) {
        if at < self.time.to {
            (self.time.to, self.end) = (at, end);
        }
    }
}

/// Every hold of every key, in the order in which they began.
pub(super) fn holds(history: &History, run_ended: At) -> Vec<Hold> {
    let lease = history.timing.lease;
    let mut found: Vec<Hold> = Vec::new();
    // The hold and the holder that the record of each key names.
    let mut named: BTreeMap<usize, (usize, Option<&Holder>)> = BTreeMap::new();
    for Entry { at, node, event } in &history.entries {
        match event {
            Event::Stored { key, holder, outcome: Outcome::Won(token), .. } => {
                let before = named.insert(*key, (found.len(), holder.as_ref()));
                if let Some((before, _)) = before {
                    found[before].end(*at, HoldEnd::Replaced);
                }
                // A hold lasts until its lease runs out, unless something ends it before.
                let time = Span::new(*at, *at + lease);
                let end = HoldEnd::Expired;
                found.push(Hold { key: *key, node: *node, token: *token, time, end });
            }
            Event::Stored { key, holder, outcome, .. } => {
                let hold = named.get(key).filter(|(_, named)| *named == holder.as_ref());
                match (outcome, hold) {
                    (Outcome::Kept, Some((hold, _))) => found[*hold].time.to = *at + lease,
                    (Outcome::Released, Some((hold, _))) => {
                        found[*hold].end(*at, HoldEnd::Released);
                        named.remove(key);
                    }
                    _ => {}
                }
            }
            Event::RecordLoss { key: lost, .. } => named.retain(|key, (hold, _)| {
                let is_hit = lost.is_none_or(|lost| lost == *key);
                if is_hit {
                    found[*hold].end(*at, HoldEnd::Forgotten);
                }
                !is_hit
            }),
            _ => {}
        }
    }
    for (hold, _) in named.into_values() {
        found[hold].end(run_ended, HoldEnd::Open);
    }
    found
}
