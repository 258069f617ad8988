//! The instants before which a follower sends nothing.

use crate::env::Instant;

/// When the next requests may be sent, and when they are due.
#[derive(Debug, Default)]
pub(super) struct NotBefore {
    /// No acquisition before, after an error or a panic.
    pub(super) acquire: Instant,
    /// No acquisition before, after a lost race. A new state of the record lifts it.
    pub(super) quiet: Instant,
    /// No acquisition before, after a resignation. Another winner lifts it.
    pub(super) sit_out: Option<Instant>,
    /// No read before, after an error.
    pub(super) read: Instant,
    /// Read the record then, unless the watch shows it before.
    pub(super) look_at: Option<Instant>,
    /// Read the record then, while the watch does not work.
    pub(super) poll_at: Instant,
    /// Stopping: end no later than this, even if an attempt is not settled.
    pub(super) stop_by: Option<Instant>,
}

impl NotBefore {
    /// When an acquisition may be sent of a lease that is free at `free_at`.
    pub(super) fn acquisition(&self, free_at: Instant) -> Instant {
        free_at.max(self.acquire).max(self.quiet).max(self.sit_out.unwrap_or(Instant::EPOCH))
    }

    /// Delays every request to `at`.
    pub(super) fn wait_until(&mut self, at: Instant) {
        self.acquire = self.acquire.max(at);
        self.read = self.read.max(at);
    }

    pub(super) fn is_sitting_out(&self, now: Instant) -> bool {
        self.sit_out.is_some_and(|until| now < until)
    }
}
