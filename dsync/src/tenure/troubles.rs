//! Which verbs fail at the moment, and since when they are denied.

use std::time::Duration;

use crate::driver::Verb;
use crate::env::Instant;
use crate::{Error, ErrorKind};

/// The index of a verb, in the order in which its trouble matters to a user.
const fn rank(verb: Verb) -> usize {
    match verb {
        Verb::Renew => 0,
        Verb::Acquire => 1,
        Verb::Release => 2,
        Verb::Read => 3,
        Verb::Watch => 4,
    }
}

/// The last error of each verb that has not succeeded since, and which of them was reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles {
    /// By the rank of the verb.
    open: [Option<Error>; 5],
    /// The first and the last denial since the last success.
    denied: [Option<(Instant, Instant)>; 5],
    /// The rank and the kind of the error that was reported last.
    reported: Option<(usize, ErrorKind)>,
}

/// The verb that fails, or the kind of its error, is another than before. `None`: none fails.
#[derive(Debug)]
pub(crate) struct Change(pub(crate) Option<Error>);

impl Troubles {
    /// Records an error of `verb`.
    pub(crate) fn failed(&mut self, verb: Verb, error: &Error, now: Instant) {
        let index = rank(verb);
        self.open[index] = Some(error.clone());
        // The first denial stays and the last one moves. A success clears both.
        if error.kind() == ErrorKind::Denied {
            self.denied[index].get_or_insert((now, now)).1 = now;
        }
    }

    /// Records a success. It also clears the errors of the other verbs, except for denials, since
    /// the store answers.
    pub(crate) fn worked(&mut self, verb: Verb) {
        self.over(verb);
        for open in &mut self.open {
            if open.as_ref().is_some_and(|error| error.kind() != ErrorKind::Denied) {
                *open = None;
            }
        }
    }

    /// Records a success that says nothing about the other verbs.
    pub(crate) fn over(&mut self, verb: Verb) {
        self.open[rank(verb)] = None;
        self.denied[rank(verb)] = None;
    }

    /// The longest time from a verb's first denial to its last, without a success between them,
    /// of the verbs that were denied within `lately`.
    pub(crate) fn denied_for(&self, now: Instant, lately: Duration) -> Duration {
        // A watch that is denied ends no campaign, since the core can do without.
        let verbs = self.denied.iter().take(rank(Verb::Watch)).flatten();
        verbs
            .filter(|(_, last)| now.since(*last) < lately)
            .map(|(first, last)| last.since(*first))
            .max()
            .unwrap_or_default()
    }

    /// Returns the last error of `verb` if it is a denial that has not been followed by a success.
    pub(crate) fn denial(&self, verb: Verb) -> Option<Error> {
        self.open[rank(verb)].clone().filter(|error| error.kind() == ErrorKind::Denied)
    }

    /// Returns the error to report, if it is of another verb or kind than the last one. Another
    /// text alone is no change: a message with a time in it would be reported after every retry.
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
