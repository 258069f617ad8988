use std::time::Duration;

use crate::Timing;
use crate::driver::{Capabilities, Expiry, Key, KeyKind, WatchScope};

/// What a tenure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Be elected again and again, until stopped.
    Campaign,
    /// Wait for one term.
    Wait,
    /// Take one term if it can be had without waiting for another holder.
    Try,
    /// Only observe who leads.
    Observe,
}

/// Everything that stays the same for the life of a tenure.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    pub(crate) instance: String,
    /// The duration that this candidate claims, and that rivals wait for.
    pub(crate) lease_duration: Duration,
    /// The time from the sending of the last successful write to the end of the term.
    pub(crate) renew_deadline: Duration,
    /// The time from there until work that still runs is dropped.
    pub(crate) hard_deadline: Duration,
    /// How often the holder renews.
    pub(crate) renew_period: Duration,
    /// The pause after a failed request.
    pub(crate) retry_period: Duration,
    /// How long a request may take.
    pub(crate) request_timeout: Duration,
    /// How long bodies may take to stop after a voluntary end.
    pub(crate) drain_timeout: Duration,
    pub(crate) expiry: Expiry,
    pub(crate) watch: WatchScope,
    /// A record that vanishes was deleted by an operator, since a release would have kept it.
    pub(crate) release_keeps_record: bool,
}

impl Plan {
    /// A part of the time between the hard deadline and the end of the lease. Two of them are given
    /// to bodies that were dropped late, which leaves most of the margin to the drift of the
    /// clocks.
    pub(crate) fn slack(&self) -> Duration {
        self.lease_duration.saturating_sub(self.hard_deadline) / 8
    }

    pub(crate) fn new(
        mode: Mode,
        instance: &str,
        key: &Key,
        timing: &Timing,
        drain_timeout: Duration,
        capabilities: &Capabilities,
    ) -> Self {
        Self {
            mode,
            instance: instance.to_owned(),
            lease_duration: timing.lease_duration(),
            renew_deadline: timing.renew_deadline(),
            hard_deadline: timing.hard_deadline(),
            renew_period: timing.renew_period(),
            retry_period: timing.retry_period(),
            request_timeout: timing.request_timeout(),
            drain_timeout,
            expiry: capabilities.expiry,
            watch: capabilities.watch,
            release_keeps_record: capabilities.keeps_released_elections
                && key.kind() == KeyKind::Election,
        }
    }
}
