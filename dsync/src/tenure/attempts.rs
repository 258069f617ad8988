//! What became of my attempts to acquire.

use std::collections::VecDeque;
use std::time::Duration;

use crate::driver::{Holder, Lease, Version};
use crate::env::Instant;

/// More are not remembered. A forgotten one is a rival like any other: its record expires.
const MOST: usize = 32;

/// An attempt that may be seen in a record later.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) holder: Holder,
    pub(crate) sent: Instant,
    /// What it asked for. The store may let it expire that long after it was sent.
    pub(crate) duration: Duration,
    /// The version that the record had to be at for the attempt to succeed.
    pub(crate) conditioned_on: Option<Version>,
    /// It made a term, or a release of it was sent. It can only be released from now on.
    pub(crate) spent: bool,
}

/// The attempts that had no answer, and those that had their term: whatever of mine may still
/// turn up in a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attempts(VecDeque<Attempt>);

impl Attempts {
    pub(crate) fn remember(&mut self, attempt: Attempt) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(attempt);
    }

    pub(crate) fn find(&self, lease: &Lease) -> Option<&Attempt> {
        self.0.iter().find(|attempt| lease.is_held_by(&attempt.holder))
    }

    /// From now on `holder` can only be released.
    pub(crate) fn spend(&mut self, holder: &Holder, sent: Instant) {
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

    /// Forgets what a read at `version` proves to have failed: an attempt that was conditioned on
    /// a version that the record has left behind. An attempt to create a record is never settled
    /// this way, since it may still land when the record is gone.
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

    /// `holder` is a rival from now on.
    pub(crate) fn forget(&mut self, holder: &Holder) {
        self.0.retain(|attempt| attempt.holder != *holder);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over what an earlier tenure of the same key left.
    pub(crate) fn extend(&mut self, earlier: Self) {
        for attempt in earlier.0 {
            self.remember(attempt);
        }
    }
}
