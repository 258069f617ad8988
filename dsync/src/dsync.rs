//! The entry point: one driver, one identity, many elections and locks.

use std::fmt;
use std::sync::Arc;

use crate::driver::{Driver, KeyKind};
use crate::env::{Env, TokioEnv};
use crate::keeper::KeeperPool;
use crate::tenure::Mode;
use crate::{Config, Election, Lock, Observer, Resource, Result, Timing};

/// The entry point: a driver and the identity of this process. It creates elections, locks and
/// observers.
///
/// Clones are cheap and are the same candidate: their handles of one election share one campaign.
/// A second `Dsync` is a rival, even under the same instance name.
///
/// Dropping the last clone ends the campaigns that only a callback keeps alive. Elections and
/// locks with other handles continue.
#[derive(Clone)]
pub struct Dsync {
    pool: Arc<KeeperPool>,
    timing: Timing,
    /// Dropped with the last clone, which the handles of elections and locks do not hold.
    _owner: Arc<Owner>,
}

struct Owner(Arc<KeeperPool>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Dsync {
    /// Creates a candidate from a driver and a configuration. Sends no request.
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

    /// Does the same with another source of time, tasks and random numbers, for simulations.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a wrong configuration.
    pub fn with_env(driver: impl Driver, config: impl Into<Config>, env: impl Env) -> Result<Self> {
        let config = config.into();
        config.validate()?;
        config.timing().validate_for(driver.name(), &driver.capabilities())?;
        let timing = config.timing().clone();
        let pool = Arc::new(KeeperPool::new(driver, config, env));
        Ok(Self { timing, _owner: Arc::new(Owner(Arc::clone(&pool))), pool })
    }

    /// Returns the same candidate, with another timing for the elections and locks that the
    /// returned value creates.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming every violated rule.
    pub fn with_timing(&self, timing: Timing) -> Result<Self> {
        let driver = &self.pool.services.driver;
        timing.validate_for(driver.name(), &driver.capabilities())?;
        Ok(Self { timing, ..self.clone() })
    }

    /// Returns the name of this instance.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.pool.config.instance()
    }

    /// Returns the resource of this name, in the namespace and scope of the configuration.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the part, its value and the rule.
    /// [`Resource::sanitized`] makes a name from any text.
    pub fn resource(&self, name: impl Into<String>) -> Result<Resource> {
        let resource = Resource::new(name)
            .with_namespace(self.pool.config.namespace())
            .with_scope(self.pool.config.scope());
        resource.validate()?;
        Ok(resource)
    }

    /// Starts to campaign in the election of this name.
    ///
    /// If a campaign in this election is already running, it returns another handle to that one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a wrong name, or if the running
    /// campaign has another timing; [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) after
    /// [`shutdown`](Self::shutdown).
    pub fn election(&self, name: impl Into<String>) -> Result<Election> {
        self.election_of(&self.resource(name)?)
    }

    /// Starts to campaign in the election of this resource. See [`election`](Self::election).
    ///
    /// # Errors
    ///
    /// As [`election`](Self::election).
    pub fn election_of(&self, resource: &Resource) -> Result<Election> {
        resource.validate()?;
        let key = resource.key(KeyKind::Election);
        let handle = self.pool.campaign(&key, &self.timing)?;
        Ok(Election::new(resource.clone(), self.instance(), handle))
    }

    /// Returns the lock of this name. Sends no request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a wrong name;
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) after [`shutdown`](Self::shutdown).
    pub fn lock(&self, name: impl Into<String>) -> Result<Lock> {
        self.lock_of(&self.resource(name)?)
    }

    /// Returns the lock of this resource. See [`lock`](Self::lock).
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub fn lock_of(&self, resource: &Resource) -> Result<Lock> {
        resource.validate()?;
        self.pool.check()?;
        let key = resource.key(KeyKind::Lock);
        Ok(Lock::new(resource.clone(), key, self.timing.clone(), Arc::clone(&self.pool)))
    }

    /// Follows the election of this name without campaigning.
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
        let handle = self.pool.start(key, self.timing.clone(), Mode::Observe)?;
        Ok(Observer::alone(handle))
    }

    /// Stops all elections, locks and observers, then closes the driver.
    ///
    /// Terms are cancelled, their work gets the drain timeout to stop and is then dropped, and
    /// leases are released. The call returns within the drain timeout plus two request timeouts.
    /// After it, nothing new can be started.
    ///
    /// # Errors
    ///
    /// None. A lease that could not be released expires by itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the shutdown; terms still end and leases are still
    /// released in the background. The driver is then closed when it is dropped.
    pub async fn shutdown(&self) {
        self.pool.shutdown(self.timing.request_timeout()).await;
    }
}

impl fmt::Debug for Dsync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsync")
            .field("driver", &self.pool.services.driver)
            .field("config", &self.pool.config)
            .finish_non_exhaustive()
    }
}
