//! The keepers of one `Dsync`: how they start, how handles share them, and how they all end.

mod memories;
mod registry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::memories::Memories;
use self::registry::Registry;
use super::call;
use super::handle::Handle;
use super::services::Services;
use super::watchdog::Watchdog;
use super::{Keeper, SaveMemory};
use crate::driver::{Driver, Key, Lease};
use crate::env::Env;
use crate::tenure::{Mode, Plan};
use crate::{Config, Result, Timing};

/// Starts and tracks the keepers of one [`Dsync`](crate::Dsync) and of its locks.
pub(crate) struct KeeperPool {
    pub(crate) services: Arc<Services>,
    pub(crate) config: Config,
    registry: Registry,
    memories: Arc<Memories>,
}

impl KeeperPool {
    pub(crate) fn new(driver: impl Driver, config: Config, env: impl Env) -> Self {
        let watchdog = config.abort_on_overrun().then(Watchdog::default);
        let services = Arc::new(Services::new(env, driver, watchdog, config.monitor()));
        Self { services, config, registry: Registry::default(), memories: Arc::default() }
    }

    /// Joins the campaign of `key`, or starts one.
    pub(crate) fn campaign(&self, key: &Key, timing: &Timing) -> Result<Handle> {
        self.registry
            .join_or_start(key, timing, || self.spawn(key.clone(), timing.clone(), Mode::Campaign))
    }

    /// Starts a keeper that no other handle shares.
    pub(crate) fn start(&self, key: Key, timing: Timing, mode: Mode) -> Result<Handle> {
        self.registry.start(|| self.spawn(key, timing, mode))
    }

    fn spawn(&self, key: Key, timing: Timing, mode: Mode) -> Handle {
        let plan = Plan::new(
            mode,
            self.config.instance(),
            &key,
            &timing,
            self.config.drain_timeout(),
            &self.services.driver.capabilities(),
        );
        let memory = self.memories.take(&key);
        let (memories, services, of) =
            (Arc::clone(&self.memories), Arc::clone(&self.services), key.clone());
        let save_memory: SaveMemory =
            Box::new(move |memory| memories.put(of, memory, services.env.now()));
        Keeper::spawn(&self.services, key, timing, plan, memory, save_memory)
    }

    /// Sleeps on the clock of this `Dsync`.
    pub(crate) async fn sleep(&self, duration: Duration) {
        self.services.env.sleep_until(self.services.env.now() + duration).await;
    }

    /// Reads a record outside any tenure.
    pub(crate) async fn read(&self, key: &Key, timeout: Duration) -> Result<Option<Lease>> {
        call::read(&self.services, key, timeout).await
    }

    /// Returns an error after a shutdown.
    pub(crate) fn check(&self) -> Result<()> {
        self.registry.check()
    }

    /// Ends the campaigns that only a callback keeps alive.
    pub(crate) fn abandon(&self) {
        self.registry.abandon();
    }

    /// Stops all keepers, then closes the driver. `request_timeout` stands in where no keeper
    /// runs.
    pub(crate) async fn shutdown(&self, request_timeout: Duration) {
        // 1. From here on no keeper starts, so this list is complete.
        let keepers = self.registry.close();
        let bound = keepers
            .iter()
            .map(|keeper| keeper.stop_bound(self.config.drain_timeout()))
            .max()
            .unwrap_or(2 * request_timeout);
        let limit = self.services.env.sleep_until(self.services.env.now() + bound);
        // 2. All are asked before the first is waited for, so that they stop side by side.
        for keeper in &keepers {
            keeper.request_stop();
        }
        let end = async {
            for keeper in &keepers {
                // An error is in the status of that keeper, where its handles find it.
                let _ = keeper.wait_for(|status| status.finish.as_ref().map(|_| ())).await;
            }
            // 3. The driver last: a keeper that still releases needs it.
            self.services.driver.close().await;
        };
        tokio::select! {
            biased;
            () = end => {}
            () = limit => tracing::warn!(target: "dsync", ?bound, "not everything stopped in time"),
        }
    }
}

impl fmt::Debug for KeeperPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeeperPool").field("config", &self.config).finish_non_exhaustive()
    }
}
