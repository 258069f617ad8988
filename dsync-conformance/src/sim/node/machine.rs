//! A machine: its clock, and whether it stands still.
//!
//! There are three clocks. The clock of the run is tokio's paused clock, on which histories are
//! written. The machine's clock follows from it by an offset and a rate, piece by piece: each change
//! of the rate begins a new [`Segment`]. The clock of the timers is the machine's clock without the
//! time for which the machine was suspended, because the timers of most systems stop then while
//! `CLOCK_BOOTTIME` goes on. A core that relies on timers instead of the clock is caught by that
//! difference (2.05).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::process::Process;
use crate::history::{At, Event, Segment};
use crate::sim::recorder::Recorder;

/// One machine. Its clock begins anywhere, runs at a rate of its own, and counts the time that
/// the machine was suspended, as `CLOCK_BOOTTIME` does; its timers do not.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) index: usize,
    pub(crate) recorder: Recorder,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The present piece of the clock.
    clock: Segment,
    /// What the clock of the timers lags behind, on the clock of the machine.
    suspended: Duration,
    /// Since when it has been suspended, on its clock.
    suspended_since: Option<Duration>,
    paused: bool,
    /// Grows when a timer has to be set anew.
    changes: u64,
    process: Option<Arc<Process>>,
}

impl Machine {
    /// A machine whose clock reads `offset` now.
    pub(crate) fn new(index: usize, recorder: &Recorder, offset: Duration, rate: f64) -> Arc<Self> {
        let clock = Segment { at: recorder.now(), local: offset, rate };
        recorder.with(|history| history.nodes[index].clock.push(clock));
        Arc::new(Self {
            index,
            recorder: recorder.clone(),
            state: Mutex::new(State {
                clock,
                suspended: Duration::ZERO,
                suspended_since: None,
                paused: false,
                changes: 0,
                process: None,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what its clock reads, including the time for which it was suspended.
    pub(crate) fn now(&self) -> Duration {
        let at = self.recorder.now();
        self.lock().read(at)
    }

    /// What the clock of its timers reads, and how often that was changed.
    pub(super) fn timers(&self) -> (Duration, u64) {
        let at = self.recorder.now();
        let state = self.lock();
        // While the machine is suspended, this clock stands at the instant at which that began.
        let now = state.suspended_since.unwrap_or_else(|| state.read(at));
        (now.saturating_sub(state.suspended), state.changes)
    }

    /// How long `wait` on its clock takes on the clock of the run, if nothing changes.
    pub(super) fn stretch(&self, wait: Duration) -> Duration {
        wait.div_f64(self.lock().clock.rate)
    }

    /// Whether it stands still.
    pub(crate) fn is_asleep(&self) -> bool {
        self.lock().is_asleep()
    }

    /// Lets its clock run at another rate from now on.
    pub(crate) fn set_rate(&self, rate: f64) {
        let at = self.recorder.now();
        let process = {
            let mut state = self.lock();
            // The new piece begins at what the old one reads now: the rate changes, the time does
            // not jump. Timers were set for the old rate, so all of them have to be set again.
            state.clock = Segment { at, local: state.read(at), rate };
            state.changes += 1;
            let clock = state.clock;
            self.recorder.with(|history| history.nodes[self.index].clock.push(clock));
            state.process.clone()
        };
        if let Some(process) = process {
            process.wake();
        }
    }

    /// Pauses the process, as SIGSTOP does, or suspends the machine as a whole.
    ///
    /// Both may overlap. The history then has one interval, from the beginning of the first to the end
    /// of both.
    pub(crate) fn sleep(&self, suspend: bool) {
        let at = self.recorder.now();
        let begins = {
            let mut state = self.lock();
            let was_asleep = state.is_asleep();
            if suspend && state.suspended_since.is_none() {
                state.suspended_since = Some(state.read(at));
            }
            state.paused |= !suspend;
            !was_asleep
        };
        if begins {
            self.recorder.with(|history| history.nodes[self.index].asleep.push((at, None)));
            self.recorder.note(Some(self.index), Event::Paused);
        }
    }

    /// Ends a pause and a suspension.
    pub(crate) fn wake(&self) {
        let at = self.recorder.now();
        let process = {
            let mut state = self.lock();
            if !state.is_asleep() {
                return;
            }
            if let Some(since) = state.suspended_since.take() {
                let slept = state.read(at).saturating_sub(since);
                state.suspended += slept;
                state.changes += 1;
            }
            state.paused = false;
            state.process.clone()
        };
        self.recorder.with(|history| {
            if let Some((_, end)) = history.nodes[self.index].asleep.last_mut() {
                *end = Some(at);
            }
        });
        self.recorder.note(Some(self.index), Event::Resumed);
        if let Some(process) = process {
            // User code asks before any task is polled. This is the hardest moment for a term that
            // ran out during the pause: `is_active` must be false although no task of dsync has run
            // since, and only a check of the clock can know that (2.05).
            process.ask();
            process.wake();
        }
    }

    /// The process that runs on it.
    pub(crate) fn process(&self) -> Option<Arc<Process>> {
        self.lock().process.clone()
    }

    /// Lets `process` run on it.
    pub(crate) fn boot(&self, process: &Arc<Process>) {
        self.lock().process = Some(Arc::clone(process));
        self.recorder.note(Some(self.index), Event::Started);
    }

    /// Kills the process. Nothing of it runs any more.
    pub(crate) fn kill(&self) {
        let process = self.lock().process.take();
        if let Some(process) = process {
            self.recorder.note(Some(self.index), Event::Killed);
            process.kill();
        }
    }
}

impl State {
    fn is_asleep(&self) -> bool {
        self.paused || self.suspended_since.is_some()
    }

    fn read(&self, at: At) -> Duration {
        self.clock.local + at.saturating_sub(self.clock.at).mul_f64(self.clock.rate)
    }
}
