use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::env::{Env, Instant};

/// The deadlines of a term, and whether a caller has seen it end.
///
/// The race is between a reader that finds the deadline passed and a renewal that moves it. Both
/// take the same lock, and the reader sets `over` under it. So either the renewal comes first, and
/// the reader sees the new deadline; or the reader comes first, and the renewal finds `over` and
/// does not revive a term that a caller has seen end. With an atomic deadline and no flag,
/// `is_active()` could return `false` and then `true` again.
#[derive(Debug)]
pub(crate) struct TermClock(Mutex<Deadlines>);

#[derive(Debug)]
struct Deadlines {
    /// The renew deadline.
    valid_until: Instant,
    /// The hard deadline, which is later.
    hard: Instant,
    /// A caller has seen the term end, or it was cancelled. It never becomes `false` again.
    over: bool,
}

impl TermClock {
    pub(crate) fn new(valid_until: Instant, hard: Instant) -> Self {
        Self(Mutex::new(Deadlines { valid_until, hard, over: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Deadlines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the term is active at `now`. Ends it for good if it is not.
    pub(crate) fn is_active(&self, now: Instant) -> bool {
        let mut deadlines = self.lock();
        deadlines.over |= now >= deadlines.valid_until;
        !deadlines.over
    }

    pub(crate) fn remaining(&self, now: Instant) -> Duration {
        if self.is_active(now) { now.until(self.lock().valid_until) } else { Duration::ZERO }
    }

    /// Returns the instant after which no body is polled.
    pub(crate) fn hard_deadline(&self) -> Instant {
        self.lock().hard
    }

    /// Ends the term for good, before its deadline.
    pub(crate) fn end(&self) {
        self.lock().over = true;
    }

    /// Moves the deadlines after a renewal. Returns `false` if a caller has already seen the term
    /// end. Then only the hard deadline moves: the lease is still held, so bodies have the time to
    /// end by themselves.
    pub(crate) fn extend(&self, env: &dyn Env, valid_until: Instant, hard: Instant) -> bool {
        let mut deadlines = self.lock();
        // The clock is read under the lock. Read before it, `now` could be earlier than that of a
        // reader that has taken the lock in the meantime and found the term over.
        let now = env.now();
        if now < deadlines.hard {
            deadlines.hard = deadlines.hard.max(hard);
        }
        deadlines.over |= now >= deadlines.valid_until;
        if deadlines.over {
            return false;
        }
        deadlines.valid_until = deadlines.valid_until.max(valid_until);
        true
    }
}
