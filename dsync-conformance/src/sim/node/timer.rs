//! A timer of a machine: it follows the machine's clock through jumps, drift and pauses.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::machine::Machine;

/// A timer that is set further ahead than this never fires.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Completes when the machine has been awake for a while.
pub(crate) struct Timer {
    machine: Arc<Machine>,
    /// On the clock of the machine's timers.
    until: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    changes: u64,
}

impl Timer {
    /// `wait` from now, on the clock of `machine`.
    pub(crate) fn new(machine: &Arc<Machine>, wait: Duration) -> Self {
        let (now, changes) = machine.timers();
        let until = (wait < FAR).then_some(now + wait);
        Self { machine: Arc::clone(machine), until, sleep: None, changes }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else { return Poll::Pending };
        loop {
            let (now, changes) = self.machine.timers();
            if now >= until {
                return Poll::Ready(());
            }
            // The rate changed or the machine was suspended: what is left takes another time on the
            // clock of the run.
            if changes != self.changes {
                self.changes = changes;
                self.sleep = None;
            }
            let wait = self.machine.stretch(until.saturating_sub(now));
            // Rounding must not make it wake up, find nothing to do, and wake up again at once.
            let wait = wait.max(Duration::from_micros(1));
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(wait)));
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
    }
}
