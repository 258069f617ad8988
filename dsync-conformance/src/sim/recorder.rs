//! Writes the history.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::history::{At, Entry, Event, History};
use crate::tasks;

/// Writes the history of one run. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    epoch: Instant,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    history: History,
    names: u64,
}

impl Recorder {
    /// A history that begins now.
    pub(crate) fn new() -> Self {
        Self { epoch: tasks::now(), shared: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, on the clock of the run.
    pub(crate) fn now(&self) -> At {
        tasks::now().saturating_duration_since(self.epoch)
    }

    /// A point on the clock of the run, for a timer.
    pub(crate) fn instant(&self, at: At) -> Instant {
        self.epoch + at
    }

    /// A number that names a call, a term, a body or an operation.
    pub(crate) fn name(&self) -> u64 {
        let mut shared = self.lock();
        shared.names += 1;
        shared.names
    }

    /// Writes down what happened now.
    pub(crate) fn note(&self, node: Option<usize>, event: Event) {
        let at = self.now();
        self.lock().history.entries.push(Entry { at, node, event });
    }

    /// Changes what is known of the run as a whole.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut History) -> T) -> T {
        change(&mut self.lock().history)
    }

    /// The history; later events go into a new one.
    pub(crate) fn take(&self) -> History {
        let at = self.now();
        let mut history = std::mem::take(&mut self.lock().history);
        history.ended_at = at;
        history
    }
}
