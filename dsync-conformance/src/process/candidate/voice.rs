//! Says what happens, on stdout.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::clock;
use super::said::{Said, What};

/// A process's stdout, and the names that it gives.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// Instants are taken in the order in which lines are written.
    turn: Mutex<()>,
    names: AtomicU64,
}

impl Voice {
    /// A name for a term, a body, a call or an operation.
    pub(super) fn name(&self) -> u64 {
        self.names.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Says what happens now. When.
    pub(super) fn say(&self, what: What) -> Duration {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let at = clock::now();
        write(&Said { at, what });
        at
    }

    /// Says what happened at `at`.
    pub(super) fn say_of(&self, at: Duration, what: What) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        write(&Said { at, what });
    }
}

/// One line in one write, at once: what a process has said before it is killed is known.
fn write(said: &Said) {
    let line = serde_json::to_string(said).unwrap_or_default();
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        // Nobody listens any more, so nobody would stop this process.
        std::process::exit(1);
    }
}
