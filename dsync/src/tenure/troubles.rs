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
    /// The first and the last denial since the last success.
    denied: [Option<(Instant, Instant)>; 5],
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
            self.denied[index].get_or_insert((now, now)).1 = now;
        }
    }

    /// A verb worked. Whatever else was in the way before, short of a denial, is over as well:
    /// the store answers.
    pub(crate) fn worked(&mut self, source: Source) {
        self.over(source);
        for open in &mut self.open {
            if open.as_ref().is_some_and(|error| error.kind() != ErrorKind::Denied) {
                *open = None;
            }
        }
    }

    /// It works, which says nothing of the others.
    pub(crate) fn over(&mut self, source: Source) {
        self.open[source.index()] = None;
        self.denied[source.index()] = None;
    }

    /// The longest time from a verb's first denial to its last, without a success between them,
    /// of the verbs that were denied within `lately`.
    pub(crate) fn denied_for(&self, now: Instant, lately: Duration) -> Duration {
        let verbs = self.denied.iter().take(Source::Watch.index()).flatten();
        verbs
            .filter(|(_, last)| now.since(*last) < lately)
            .map(|(first, last)| last.since(*first))
            .max()
            .unwrap_or_default()
    }

    /// The last error of a verb that is denied.
    pub(crate) fn denial(&self, source: Source) -> Option<Error> {
        self.open[source.index()].clone().filter(|error| error.kind() == ErrorKind::Denied)
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
