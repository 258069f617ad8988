use std::fmt;
use std::sync::Arc;

use super::request_limit::Gate;
use super::watchdog::Watchdog;
use crate::driver::Driver;
use crate::env::Env;
use crate::monitor::{Monitor, MonitorEvent};

/// What all keepers of one `Dsync` share.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) driver: Arc<dyn Driver>,
    pub(super) gate: Gate,
    pub(super) watchdog: Option<Watchdog>,
    monitor: Option<MonitorHook>,
}

/// A monitor with a `Debug` of its own.
struct MonitorHook(Monitor);

impl Services {
    pub(super) fn new(
        env: impl Env,
        driver: impl Driver,
        watchdog: Option<Watchdog>,
        monitor: Option<Monitor>,
    ) -> Self {
        let monitor = monitor.map(MonitorHook);
        Self { env: Arc::new(env), driver: Arc::new(driver), gate: Gate::new(), watchdog, monitor }
    }

    /// Calls the monitor with what `event` returns, if there is a monitor.
    pub(super) fn report(&self, event: impl FnOnce() -> MonitorEvent) {
        if let Some(MonitorHook(monitor)) = &self.monitor {
            monitor(&event());
        }
    }
}

impl fmt::Debug for MonitorHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monitor")
    }
}
