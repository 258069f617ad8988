//! The door: one driver, one identity, many elections and locks.

mod memories;
mod registry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::memories::Memories;
use self::registry::Registry;
use crate::driver::{Driver, Key, KeyKind, Lease};
use crate::env::{Env, TokioEnv};
use crate::keeper::{self, Gate, Handle, Keeper, MonitorHook, Site, Watchdog};
use crate::tenure::{Mode, Plan};
use crate::{Config, Election, Error, Lock, Observer, Resource, Result, Timing};

/// A driver with an identity: where elections and locks come from. Cheap to clone.
///
/// All clones are one candidate: handles of one election share one campaign. Another `Dsync` is a
/// rival, even under the same instance name.
///
/// Dropping the last clone ends the campaigns that only a callback keeps alive. Elections and
/// locks whose handles are still there go on.
#[derive(Clone)]
pub struct Dsync {
    pub(crate) inner: Arc<Inner>,
    timing: Timing,
    /// Dropped with the last clone, which the handles of elections and locks do not hold.
    _owner: Arc<Owner>,
}

pub(crate) struct Inner {
    pub(crate) site: Arc<Site>,
    config: Config,
    registry: Registry,
    memories: Arc<Memories>,
}

struct Owner(Arc<Inner>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.registry.abandon();
    }
}

impl Dsync {
    /// Brings a driver and a configuration together. Sends no request.
    ///
    /// `config` is a [`Config`], or the name of this instance with the defaults for the rest:
    /// `Dsync::new(driver, "pod-a")`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a wrong configuration, naming the
    /// value and the rule; [`ErrorKind::NoRuntime`](crate::ErrorKind::NoRuntime) outside a tokio
    /// runtime.
    pub fn new(driver: impl Driver, config: impl Into<Config>) -> Result<Self> {
        Self::with_env(driver, config, TokioEnv::new()?)
    }

    /// The same with another source of time, tasks and chance: for simulations.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a wrong configuration.
    pub fn with_env(driver: impl Driver, config: impl Into<Config>, env: impl Env) -> Result<Self> {
        let config = config.into();
        config.validate()?;
        config.timing().validate_for(driver.name(), &driver.capabilities())?;
        let site = Arc::new(Site {
            env: Arc::new(env),
            driver: Arc::new(driver),
            gate: Gate::new(),
            watchdog: config.abort_on_overrun().then(Watchdog::default),
            monitor: config.monitor().map(MonitorHook),
        });
        let timing = config.timing().clone();
        let inner = Arc::new(Inner {
            site,
            config,
            registry: Registry::default(),
            memories: Arc::new(Memories::default()),
        });
        Ok(Self { timing, _owner: Arc::new(Owner(Arc::clone(&inner))), inner })
    }

    /// The same candidate with another timing for the elections and locks that come from this
    /// value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming every violated rule.
    pub fn with_timing(&self, timing: Timing) -> Result<Self> {
        let driver = &self.inner.site.driver;
        timing.validate_for(driver.name(), &driver.capabilities())?;
        Ok(Self { timing, ..self.clone() })
    }

    /// The name of this instance.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.inner.config.instance()
    }

    /// The resource of this name, in the namespace and scope of the configuration.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the part, its value and the rule.
    /// [`Resource::sanitized`] makes a name from any text.
    pub fn resource(&self, name: impl Into<String>) -> Result<Resource> {
        let resource = Resource::new(name)
            .with_namespace(self.inner.config.namespace())
            .with_scope(self.inner.config.scope());
        resource.validate()?;
        Ok(resource)
    }

    /// A candidacy in the election of this name: it campaigns from now on.
    ///
    /// Asked for again, it is another handle of the same campaign, until that was stopped; then
    /// it is a new one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a wrong name, or for another timing
    /// than the campaign under way has; [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) after
    /// [`shutdown`](Self::shutdown).
    pub fn election(&self, name: impl Into<String>) -> Result<Election> {
        self.election_of(&self.resource(name)?)
    }

    /// A candidacy in the election of this resource. See [`election`](Self::election).
    ///
    /// # Errors
    ///
    /// As [`election`](Self::election).
    pub fn election_of(&self, resource: &Resource) -> Result<Election> {
        resource.validate()?;
        let key = resource.key(KeyKind::Election);
        let handle = self.inner.registry.join_or_start(&key, &self.timing, || {
            self.inner.start(key.clone(), self.timing.clone(), Mode::Campaign)
        })?;
        Ok(Election::new(resource.clone(), self.instance(), handle))
    }

    /// The lock of this name. Sends no request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a wrong name;
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) after [`shutdown`](Self::shutdown).
    pub fn lock(&self, name: impl Into<String>) -> Result<Lock> {
        self.lock_of(&self.resource(name)?)
    }

    /// The lock of this resource. See [`lock`](Self::lock).
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub fn lock_of(&self, resource: &Resource) -> Result<Lock> {
        resource.validate()?;
        self.inner.registry.check()?;
        let key = resource.key(KeyKind::Lock);
        Ok(Lock::new(resource.clone(), key, self.timing.clone(), Arc::clone(&self.inner)))
    }

    /// Follows who leads, without campaigning.
    ///
    /// # Errors
    ///
    /// As [`election`](Self::election).
    pub fn observe(&self, name: impl Into<String>) -> Result<Observer> {
        self.observe_of(&self.resource(name)?)
    }

    /// Follows the election of this resource without campaigning. See [`observe`](Self::observe).
    ///
    /// # Errors
    ///
    /// As [`observe`](Self::observe).
    pub fn observe_of(&self, resource: &Resource) -> Result<Observer> {
        resource.validate()?;
        let key = resource.key(KeyKind::Election);
        let handle = self.inner.start_tracked(key, self.timing.clone(), Mode::Observe)?;
        Ok(Observer::alone(handle))
    }

    /// Ends everything: terms are cancelled, work gets the drain timeout to stop and is dropped
    /// then, leases are released, and the driver is closed. Returns within the drain timeout and
    /// two request timeouts. Afterwards nothing can be started any more.
    ///
    /// # Errors
    ///
    /// None: whatever could not be released expires by itself.
    ///
    /// # Cancel safety
    ///
    /// Everything ends as well when the future is dropped, only nobody waits for it.
    pub async fn shutdown(&self) {
        let site = &self.inner.site;
        let keepers = self.inner.registry.close();
        let bound = keepers
            .iter()
            .map(|keeper| keeper.stop_bound(self.inner.config.drain_timeout()))
            .max()
            .unwrap_or(2 * self.timing.request_timeout());
        let limit = site.env.sleep_until(site.env.now() + bound);
        for keeper in &keepers {
            keeper.request_stop();
        }
        let end = async {
            for keeper in &keepers {
                // Whatever went wrong is in the status of that keeper.
                let _ = keeper.wait_for(|status| status.finish.as_ref().map(|_| ())).await;
            }
            site.driver.close().await;
        };
        tokio::select! {
            biased;
            () = end => {}
            () = limit => tracing::warn!(target: "dsync", ?bound, "not everything stopped in time"),
        }
    }
}

impl Inner {
    /// Starts a keeper that `shutdown` knows of.
    pub(crate) fn start_tracked(&self, key: Key, timing: Timing, mode: Mode) -> Result<Handle> {
        self.registry.start(|| self.start(key, timing, mode))
    }

    fn start(&self, key: Key, timing: Timing, mode: Mode) -> Handle {
        let plan = Plan::new(
            mode,
            self.config.instance(),
            &key,
            &timing,
            self.config.drain_timeout(),
            &self.site.driver.capabilities(),
        );
        let memory = self.memories.take(&key);
        let (memories, site, of) =
            (Arc::clone(&self.memories), Arc::clone(&self.site), key.clone());
        let legacy = Box::new(move |memory| memories.put(of, memory, site.env.now()));
        Keeper::spawn(&self.site, key, timing, plan, memory, legacy)
    }

    /// Sleeps on the clock of this `Dsync`.
    pub(crate) async fn sleep(&self, duration: Duration) {
        self.site.env.sleep_until(self.site.env.now() + duration).await;
    }

    /// Reads a record outside any tenure.
    pub(crate) async fn read(&self, key: &Key, timeout: Duration) -> Result<Option<Lease>> {
        keeper::read(&self.site, key, timeout).await
    }

    /// Refuses what comes after a shutdown.
    pub(crate) fn check(&self) -> Result<()> {
        self.registry.check()
    }
}

impl fmt::Debug for Dsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsync")
            .field("driver", &self.inner.site.driver)
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("config", &self.config).finish_non_exhaustive()
    }
}

pub(crate) fn shut_down() -> Error {
    Error::stopped("this Dsync was shut down; make a new one")
}
