use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::env::{Env, Instant};

/// The deadlines of a term, and whether anybody was told that it is over.
///
/// A reader that finds the term over makes it so for good, under the same lock under which a
/// renewal moves the deadline: no answer can bring back what somebody has seen end.
#[derive(Debug)]
pub(crate) struct TermClock(Mutex<Deadlines>);

#[derive(Debug)]
struct Deadlines {
    valid_until: Instant,
    hard: Instant,
    over: bool,
}

impl TermClock {
    pub(crate) fn new(valid_until: Instant, hard: Instant) -> Self {
        Self(Mutex::new(Deadlines { valid_until, hard, over: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Deadlines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_active(&self, now: Instant) -> bool {
        let mut deadlines = self.lock();
        deadlines.over |= now >= deadlines.valid_until;
        !deadlines.over
    }

    pub(crate) fn remaining(&self, now: Instant) -> Duration {
        if self.is_active(now) { now.until(self.lock().valid_until) } else { Duration::ZERO }
    }

    /// Past it, no body is polled.
    pub(crate) fn hard_deadline(&self) -> Instant {
        self.lock().hard
    }

    pub(crate) fn end(&self) {
        self.lock().over = true;
    }

    /// A renewal succeeded. `false`: somebody has already been told that the term is over; then
    /// only the hard deadline moves, since that lease is nobody else's yet.
    pub(crate) fn extend(&self, env: &dyn Env, valid_until: Instant, hard: Instant) -> bool {
        let mut deadlines = self.lock();
        // The clock is read under the lock: whoever reads it later sees what is decided here.
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
