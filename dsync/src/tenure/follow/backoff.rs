//! How far a follower backs off from the others, and from its own failures.

use std::time::Duration;

use crate::tenure::plan::Plan;

/// The first window from which a follower that lost a race draws its delay.
const FIRST_WINDOW: Duration = Duration::from_millis(5);
const WIDEST_WINDOW: Duration = Duration::from_millis(100);

/// What went wrong in a row, and the delays that follow from it.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// The window from which the delay before the next acquisition is drawn.
    window: Duration,
    /// The delay that was drawn.
    pub(super) delay: Duration,
    /// Terms in a row that a panic ended.
    panics: u32,
    /// Acquisitions that were answered.
    pub(super) tries: u32,
    /// Leases in a row that were held by this candidate and given back without a term.
    pub(super) left_overs: u32,
}

impl Backoff {
    /// The window that the next delay is drawn from.
    pub(super) fn window(&self) -> Duration {
        self.window
    }

    /// Widens the window: others tried at the same time.
    pub(super) fn lost_race(&mut self) {
        self.window = (self.window * 2).clamp(FIRST_WINDOW, WIDEST_WINDOW);
    }

    /// Narrows the window after a win.
    pub(super) fn won(&mut self) {
        self.window /= 2;
        if self.window < FIRST_WINDOW {
            self.window = Duration::ZERO;
        }
    }

    pub(super) fn panicked(&mut self) {
        self.panics = self.panics.saturating_add(1);
    }

    pub(super) fn ended_without_panic(&mut self) {
        self.panics = 0;
    }

    /// The wait after a panic: the retry period, doubled with each panic in a row, up to the
    /// lease duration.
    pub(super) fn after_panic(&self, plan: &Plan) -> Duration {
        let doublings = self.panics.saturating_sub(1).min(16);
        plan.retry_period.saturating_mul(1 << doublings).min(plan.lease_duration)
    }
}
