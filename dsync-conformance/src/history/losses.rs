//! Record losses, and when they happened.

use super::{At, Event, History};

/// The loss of the last write, which brings an earlier record back.
pub(crate) const UNDONE: &str = "last_write_lost";
/// The loss of all of the last writes, to all keys.
pub(crate) const FAILED_OVER: &str = "failed_over";

/// A record loss. It happened some time between these two: an operator of a real server takes a
/// while, and another term may begin meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) from: At,
    pub(crate) to: At,
    /// `None`: all keys.
    pub(crate) key: Option<usize>,
    pub(crate) kind: &'static str,
}

impl History {
    /// All of them, in the order in which they began.
    pub(crate) fn losses(&self) -> Vec<Loss> {
        let found = self.entries.iter().enumerate().filter_map(|(index, entry)| {
            let Event::RecordLoss { key, kind } = entry.event else { return None };
            let done = self.entries[index..]
                .iter()
                .find(|later| matches!(later.event, Event::Took { kind: done } if done == kind));
            let to = done.map_or(entry.at, |done| done.at);
            Some(Loss { from: entry.at, to, key, kind })
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::history::Entry;

    #[test]
    fn an_edit_takes_its_time() {
        let at = Duration::from_millis;
        let entry = |millis, event| Entry { at: at(millis), node: None, event };
        let lost = |kind| Event::RecordLoss { key: Some(0), kind };
        let history = History {
            entries: vec![
                entry(10, lost("emptied")),
                entry(20, Event::Took { kind: "deleted" }),
                entry(90, Event::Took { kind: "emptied" }),
                entry(100, lost("deleted")),
            ],
            ..History::default()
        };
        let losses = history.losses();
        assert_eq!((losses[0].from, losses[0].to), (at(10), at(90)));
        assert_eq!((losses[1].from, losses[1].to), (at(100), at(100)));
    }
}
