//! The attempts to acquire that may still be found in a record.

use std::collections::VecDeque;
use std::time::Duration;

use crate::driver::{Holder, Lease, Version};
use crate::env::Instant;

/// The number of attempts that are remembered. A forgotten one counts as a rival, whose record
/// expires.
const MOST: usize = 32;

/// An attempt that may be seen in a record later.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) holder: Holder,
    pub(crate) sent: Instant,
    /// The duration of its claim. The store may let the lease expire that long after `sent`.
    pub(crate) duration: Duration,
    /// The version that the record had to be at for the attempt to succeed.
    pub(crate) conditioned_on: Option<Version>,
    /// It had its term, or its release was sent. From now on it can only be released.
    pub(crate) spent: bool,
}

/// The attempts without an answer, and those that had their term.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(VecDeque<Attempt>);

impl Attempts {
    /// Adds an attempt whose answer is not known.
    pub(crate) fn remember(&mut self, attempt: Attempt) {
        // The oldest goes first: its request is the least likely to be still in flight.
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(attempt);
    }

    /// Returns the attempt that `lease` carries, by its nonce.
    pub(crate) fn find(&self, lease: &Lease) -> Option<&Attempt> {
        self.0.iter().find(|attempt| lease.is_held_by(&attempt.holder))
    }

    /// Marks `holder` as one that can only be released from now on.
    pub(crate) fn spend(&mut self, holder: &Holder, sent: Instant) {
        // A won attempt was never without an answer, so it is not listed yet. The duration does not
        // matter for one that can only be released.
        match self.0.iter_mut().find(|attempt| attempt.holder == *holder) {
            Some(attempt) => attempt.spent = true,
            None => self.remember(Attempt {
                holder: holder.clone(),
                sent,
                duration: Duration::ZERO,
                conditioned_on: None,
                spent: true,
            }),
        }
    }

    /// Forgets the attempts that `lease`, as the store shows it, proves to have failed.
    ///
    /// 1. A spent attempt stays: its record may show up again, and must not begin a second term.
    /// 2. An attempt that the record carries has succeeded.
    /// 3. An attempt that was conditioned on a version has failed once the record has another one,
    ///    since versions never return. While the record still has it, the request may be in flight.
    /// 4. An attempt to create a record has no such condition. It may be in flight for as long as
    ///    it likes and succeed when the record is deleted, so it is never settled this way.
    pub(crate) fn settle(&mut self, lease: Option<&Lease>) {
        self.0.retain(|attempt| {
            attempt.spent
                || lease.is_some_and(|lease| lease.is_held_by(&attempt.holder))
                || attempt
                    .conditioned_on
                    .as_ref()
                    .is_none_or(|version| lease.is_some_and(|lease| lease.version == *version))
        });
    }

    /// Forgets `holder`, which counts as a rival from now on.
    pub(crate) fn forget(&mut self, holder: &Holder) {
        self.0.retain(|attempt| attempt.holder != *holder);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the attempts of an earlier tenure of the same key.
    pub(crate) fn extend(&mut self, earlier: Self) {
        for attempt in earlier.0 {
            self.remember(attempt);
        }
    }
}
