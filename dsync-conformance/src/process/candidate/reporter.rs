//! Says what happens, on stdout.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock;
use super::message::{CandidateEvent, Message};

/// A process's stdout, and the names that it gives.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    /// Instants are taken in the order in which lines are written.
    turn: Mutex<()>,
    names: AtomicU64,
}

impl Reporter {
    /// A name for a term, a body, a call or an operation.
    pub(super) fn name(&self) -> u64 {
        self.names.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Says what happens now. When.
    pub(super) fn report(&self, event: CandidateEvent) -> Duration {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let at = clock::now();
        write(&Message { at, event });
        at
    }

    /// Says what happened at `at`.
    pub(super) fn report_at(&self, at: Duration, event: CandidateEvent) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        write(&Message { at, event });
    }
}

/// One line in one write, at once: what a process has said before it is killed is known.
fn write(message: &Message) {
    let line = serde_json::to_string(message).unwrap_or_default();
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        // The parent no longer reads, so it will never ask this process to stop.
        std::process::exit(1);
    }
}
