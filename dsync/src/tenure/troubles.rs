//! What does not work at the moment, and since when it is denied.

use std::time::Duration;

use super::event::Verb;
use crate::env::Instant;
use crate::{Error, ErrorKind};

/// Where trouble comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Verb(Verb),
    Watch,
}

impl Source {
    fn index(self) -> usize {
        match self {
            // In the order in which it matters to a user.
            Self::Verb(Verb::Renew) => 0,
            Self::Verb(Verb::Acquire) => 1,
            Self::Verb(Verb::Release) => 2,
            Self::Verb(Verb::Read) => 3,
            Self::Watch => 4,
        }
    }
}

/// The last error of each verb that has not worked since, and what of it was reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles {
    open: [Option<Error>; 5],
    denied_since: [Option<Instant>; 5],
    reported: Option<(usize, ErrorKind)>,
}

/// The trouble is another than before; `None`: it is over.
#[derive(Debug)]
pub(crate) struct Change(pub(crate) Option<Error>);

impl Troubles {
    pub(crate) fn failed(&mut self, source: Source, error: &Error, now: Instant) {
        let index = source.index();
        self.open[index] = Some(error.clone());
        if error.kind() == ErrorKind::Denied {
            self.denied_since[index].get_or_insert(now);
        }
    }

    /// A verb worked. Whatever else was in the way before, short of a denial, is over as well:
    /// the store answers.
    pub(crate) fn worked(&mut self, source: Source) {
        let index = source.index();
        self.open[index] = None;
        self.denied_since[index] = None;
        for open in &mut self.open {
            if open.as_ref().is_some_and(|error| error.kind() != ErrorKind::Denied) {
                *open = None;
            }
        }
    }

    /// How long a verb has been denied without a success.
    pub(crate) fn denied_for(&self, source: Source, now: Instant) -> Duration {
        self.denied_since[source.index()].map_or(Duration::ZERO, |since| now.since(since))
    }

    /// The trouble to report, if it is another than before. One that only words the same kind of
    /// trouble differently is not.
    pub(crate) fn change(&mut self) -> Option<Change> {
        let worst =
            self.open.iter().enumerate().find_map(|(index, error)| {
                error.as_ref().map(|error| ((index, error.kind()), error))
            });
        let state = worst.as_ref().map(|(state, _)| *state);
        if state == self.reported {
            return None;
        }
        self.reported = state;
        Some(Change(worst.map(|(_, error)| error.clone())))
    }
}
