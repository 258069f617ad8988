//! The configuration of a `Dsync`: its name, where its leases are, and its timing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::monitor::{Monitor, MonitorEvent};
use crate::names::{DEFAULT_NAMESPACE, DEFAULT_SCOPE, label};
use crate::{Error, Result, Timing};

/// Longest name of an instance, so that instance and nonce fit wherever a store keeps a holder.
const INSTANCE: usize = 200;
const LONGEST_DRAIN: Duration = Duration::from_secs(24 * 3600);

/// The configuration of a [`Dsync`](crate::Dsync).
///
/// | setting | variable | default |
/// |---|---|---|
/// | [`namespace`](Self::namespace) | `KUBE_NAMESPACE` | `default` |
/// | [`scope`](Self::scope), best the name of the service | `KUBE_LEASE_SCOPE` | `unscoped` |
/// | [`instance`](Self::instance), best the name of the pod | `KUBE_POD_NAME` | a UUID, one per process |
/// | [`kubeconfig`](Self::kubeconfig), for use outside the cluster | `KUBE_CONFIG_PATH` | none |
///
/// An empty variable counts as not set. [`Dsync::new`](crate::Dsync::new) checks the values before
/// any request is sent.
///
/// ```
/// use std::time::Duration;
/// use dsync::{Config, Timing};
///
/// let config = Config::from_env()
///     .with_scope("billing")
///     .with_timing(Timing::new(Duration::from_secs(6)));
/// assert_eq!(config.scope(), "billing");
/// ```
#[derive(Clone)]
pub struct Config {
    namespace: String,
    scope: String,
    instance: String,
    kubeconfig: Option<PathBuf>,
    timing: Timing,
    drain_timeout: Duration,
    abort_on_overrun: bool,
    monitor: Option<Monitor>,
}

impl Config {
    /// Returns the defaults, for `instance`. Reads no environment variable.
    #[must_use]
    pub fn new(instance: impl Into<String>) -> Self {
        Self::from_fn(|_| None).with_instance(instance)
    }

    /// Reads the configuration from the environment variables of the process.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_fn(|name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned()))
    }

    /// Reads the configuration from any lookup by the names of the variables: a map, a
    /// configuration library, a closure. `None` and an empty text mean that a variable is not set.
    #[must_use]
    pub fn from_fn(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let find = |name: &str| lookup(name).filter(|value| !value.is_empty());
        Self {
            namespace: find("KUBE_NAMESPACE").unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            scope: find("KUBE_LEASE_SCOPE").unwrap_or_else(|| DEFAULT_SCOPE.to_owned()),
            instance: find("KUBE_POD_NAME").unwrap_or_else(|| process_name().to_owned()),
            kubeconfig: find("KUBE_CONFIG_PATH").map(PathBuf::from),
            timing: Timing::default(),
            drain_timeout: Duration::from_secs(20),
            abort_on_overrun: false,
            monitor: None,
        }
    }

    /// Sets the namespace.
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets the scope.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Sets the name of this instance. It must differ between replicas.
    #[must_use]
    pub fn with_instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = instance.into();
        self
    }

    /// Sets the path of the kubeconfig.
    #[must_use]
    pub fn with_kubeconfig(mut self, path: impl Into<PathBuf>) -> Self {
        self.kubeconfig = Some(path.into());
        self
    }

    /// Sets the timing of all elections and locks that do not get one of their own from
    /// [`Dsync::with_timing`](crate::Dsync::with_timing).
    #[must_use]
    pub fn with_timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Sets how long the work of a term may take to stop by itself after a `stop`, `resign` or
    /// `shutdown`. The lease is renewed in the meantime, and work that still runs at the end is
    /// dropped. The default is 20 s, which is below the 30 s that Kubernetes gives a pod to end.
    #[must_use]
    pub fn with_drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Sets whether the process is aborted when work does not stop by the hard deadline of its
    /// term although it was dropped, because it blocks its thread. Only an abort stops such work
    /// before another candidate is elected. A separate thread checks the deadline, since the
    /// runtime itself may be blocked. Off by default.
    #[must_use]
    pub fn with_abort_on_overrun(mut self, abort: bool) -> Self {
        self.abort_on_overrun = abort;
        self
    }

    /// Sets a function that is called with every [`MonitorEvent`], for metrics and alerts. It runs
    /// in dsync's own tasks, so it must be quick and must not block.
    #[must_use]
    pub fn with_monitor(mut self, monitor: impl Fn(&MonitorEvent) + Send + Sync + 'static) -> Self {
        self.monitor = Some(Arc::new(monitor));
        self
    }

    /// Returns the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the scope.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Returns the name of this instance.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Returns the path of the kubeconfig, if one was set.
    #[must_use]
    pub fn kubeconfig(&self) -> Option<&Path> {
        self.kubeconfig.as_deref()
    }

    /// Returns the timing.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Returns how long work may take to stop by itself.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.drain_timeout
    }

    /// Returns whether the process is aborted when work does not stop.
    #[must_use]
    pub fn abort_on_overrun(&self) -> bool {
        self.abort_on_overrun
    }

    pub(crate) fn monitor(&self) -> Option<Monitor> {
        self.monitor.clone()
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming the setting, its value and the
    /// rule.
    pub fn validate(&self) -> Result<()> {
        label("namespace (KUBE_NAMESPACE)", &self.namespace)?;
        label("scope (KUBE_LEASE_SCOPE)", &self.scope)?;
        let instance = &self.instance;
        let complaint =
            |rule: String| Err(Error::invalid(format!("instance (KUBE_POD_NAME) {rule}")));
        if instance.trim().is_empty() {
            return complaint(format!("{instance:?}: must not be empty"));
        }
        if let Some(c) = instance.chars().find(|c| c.is_control()) {
            return complaint(format!("{instance:?}: {c:?} cannot be printed"));
        }
        if instance.len() > INSTANCE {
            return complaint(format!(
                "{instance:?}: has {} bytes, the longest is {INSTANCE}",
                instance.len()
            ));
        }
        if self.drain_timeout > LONGEST_DRAIN {
            return Err(Error::invalid(format!(
                "drain_timeout {:?}: the longest is {LONGEST_DRAIN:?}",
                self.drain_timeout
            )));
        }
        self.timing.validate()
    }
}

/// The name of an instance that was not given one: a UUID, one per process.
fn process_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| uuid::Uuid::new_v4().to_string())
}

impl From<&Self> for Config {
    fn from(config: &Self) -> Self {
        config.clone()
    }
}

impl From<&str> for Config {
    /// Returns the defaults, for this instance.
    fn from(instance: &str) -> Self {
        Self::new(instance)
    }
}

impl From<String> for Config {
    /// Returns the defaults, for this instance.
    fn from(instance: String) -> Self {
        Self::new(instance)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("namespace", &self.namespace)
            .field("scope", &self.scope)
            .field("instance", &self.instance)
            .field("kubeconfig", &self.kubeconfig)
            .field("timing", &self.timing)
            .field("drain_timeout", &self.drain_timeout)
            .field("abort_on_overrun", &self.abort_on_overrun)
            .finish_non_exhaustive()
    }
}
