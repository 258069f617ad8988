//! The entry point: one driver, one identity, many elections and locks.

use std::fmt;
use std::sync::Arc;

use crate::driver::{Driver, KeyKind};
use crate::env::{Env, TokioEnv};
use crate::keeper::KeeperPool;
use crate::tenure::Mode;
use crate::{Config, Election, Lock, Observer, Resource, Result, Timing};

/// A driver with an identity: where elections and locks come from. Cheap to clone.
///
/// All clones are one candidate: handles of one election share one campaign. Another `Dsync` is a
/// rival, even under the same instance name.
///
/// Dropping the last clone ends the campaigns that only a callback keeps alive. Elections and
/// locks whose handles are still there go on.
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
        let timing = config.timing().clone();
        let pool = Arc::new(KeeperPool::new(driver, config, env));
        Ok(Self { timing, _owner: Arc::new(Owner(Arc::clone(&pool))), pool })
    }

    /// The same candidate with another timing for the elections and locks that come from this
    /// value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming every violated rule.
    pub fn with_timing(&self, timing: Timing) -> Result<Self> {
        let driver = &self.pool.services.driver;
        timing.validate_for(driver.name(), &driver.capabilities())?;
        Ok(Self { timing, ..self.clone() })
    }

    /// The name of this instance.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.pool.config.instance()
    }

    /// The resource of this name, in the namespace and scope of the configuration.
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
        let handle = self.pool.campaign(&key, &self.timing)?;
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
        self.pool.check()?;
        let key = resource.key(KeyKind::Lock);
        Ok(Lock::new(resource.clone(), key, self.timing.clone(), Arc::clone(&self.pool)))
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
        let handle = self.pool.start(key, self.timing.clone(), Mode::Observe)?;
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
