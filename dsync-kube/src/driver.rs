use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Expiry, Key, Lease, Released, Renewed, Watch, WatchScope,
};
use dsync::{Config, Error, ErrorKind, Result, async_trait};
use tokio::runtime::Handle;

use crate::cache::Cache;
use crate::connect::Source;
use crate::session::Session;
use crate::sweep::{Sightings, Swept};
use crate::verbs::Store;
use crate::watch::Watches;

const WATCH_IDLE: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);

/// Keeps leases as Lease objects (`coordination.k8s.io/v1`) of a Kubernetes API server.
///
/// The [crate documentation](crate) describes what is written, which rights the driver needs, and
/// the limits of its fencing tokens.
#[derive(Debug)]
pub struct KubeDriver {
    watches: Watches,
    sightings: Sightings,
}

impl KubeDriver {
    /// Creates a driver for the API server of `config`.
    ///
    /// It calls [`from_kubeconfig`](Self::from_kubeconfig) with
    /// [`Config::kubeconfig`](dsync::Config::kubeconfig), which is `KUBE_CONFIG_PATH` unless set.
    ///
    /// # Errors
    ///
    /// The same as [`from_kubeconfig`](Self::from_kubeconfig).
    ///
    /// # Cancel safety
    ///
    /// The same as [`from_kubeconfig`](Self::from_kubeconfig).
    pub async fn connect(config: &Config) -> Result<Self> {
        Self::from_kubeconfig(config.kubeconfig()).await
    }

    /// Creates a driver for the API server of a kubeconfig, or of the pod that it runs in.
    ///
    /// It uses the first of these that exists, and only that one:
    ///
    /// 1. `path`,
    /// 2. the files named in the environment variable `KUBECONFIG`,
    /// 3. the service account of the pod,
    /// 4. `~/.kube/config`.
    ///
    /// No request is sent yet. A program that starts while the API server is down is a candidate
    /// nevertheless, and its first requests report the error. The driver has a client of its own,
    /// so that renewals do not queue behind the program's other requests. It reads the credentials
    /// again when the server refuses them.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Invalid`] if the configuration is missing or wrong; the message names the
    ///   file and the fault in it.
    /// - [`ErrorKind::Unauthenticated`] if a credential plugin fails.
    /// - [`ErrorKind::NoRuntime`] outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind, except a credential plugin that may run to its
    /// end.
    pub async fn from_kubeconfig(path: Option<&Path>) -> Result<Self> {
        if Handle::try_current().is_err() {
            let message = "a connection needs a tokio runtime: call this from async code, or \
                           enter a runtime first";
            return Err(Error::definite(ErrorKind::NoRuntime, message));
        }
        Ok(Self::over(Session::open(Source::find(path)).await?))
    }

    /// Creates a driver that uses an existing client.
    ///
    /// The client must not retry by itself: the answer to a second attempt can hide that the first
    /// one was applied. Make it from a [`kube::Config`] with `default_retry = false`. It should
    /// share no rate limit with other work, and have no read timeout below one minute, because that
    /// would end watches. Its credentials are not read again.
    #[must_use]
    pub fn new(client: kube::Client) -> Self {
        Self::over(Session::given(client))
    }

    fn over(session: Session) -> Self {
        let store = Arc::new(Store { session, cache: Cache::default() });
        let watches = Watches::new(store, WATCH_IDLE);
        Self { watches, sightings: Sightings::default() }
    }

    /// Sets how long the shared watch may be silent before its connection is replaced: 15 s unless
    /// set, and at least 100 ms.
    ///
    /// A dead connection is silent, too. A shorter time detects it sooner, at the cost of one
    /// request per idle time in a namespace where nothing changes.
    #[must_use]
    pub fn with_watch_idle(self, idle: Duration) -> Self {
        self.watches.set_idle(idle);
        self
    }

    /// Deletes the lock Leases in `namespace` that crashed holders have left behind.
    ///
    /// Releasing a lock deletes its Lease. The Lease of a crashed holder stays until the same lock
    /// is taken again; with one lock per customer, that may never happen. Call this about once an
    /// hour from one place, such as the body of an election.
    ///
    /// Only Leases that this crate has created as locks are considered (it finds them by their
    /// labels). A Lease is deleted only if *this driver* has seen it unchanged for ten times the
    /// duration written in it, from one call to a later one, and if it is still unchanged then. The
    /// first call therefore deletes nothing. The rights to `list` and `delete` leases in the
    /// namespace are required.
    ///
    /// # Errors
    ///
    /// Returns the error of the first request that fails. A Lease that was taken or deleted in the
    /// meantime is not an error.
    ///
    /// # Cancel safety
    ///
    /// What was deleted stays deleted, and the next call continues.
    pub async fn sweep(&self, namespace: &str) -> Result<Swept> {
        self.sightings.sweep(self.store(), namespace).await
    }

    fn store(&self) -> &Store {
        self.watches.store()
    }
}

#[async_trait]
impl Driver for KubeDriver {
    fn name(&self) -> &'static str {
        "kube"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Expiry::Observer)
            .with_watch(WatchScope::Changes)
            .with_lease(SECOND, SECOND)
            .with_released_elections_kept()
            .with_token_surviving_delete()
            .with_token_surviving_restart()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        Ok(self.store().read(key).await?.map(|record| record.lease()))
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        self.store().acquire(key, claim).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        self.store().renew(key, lease).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        self.store().release(key, lease).await
    }

    fn watch(&self, key: &Key) -> Watch {
        self.watches.subscribe(key)
    }

    async fn close(&self) {
        for task in self.watches.stop() {
            // The task was aborted, so its result says nothing.
            let _ = task.await;
        }
    }
}

impl Drop for KubeDriver {
    fn drop(&mut self) {
        self.watches.stop();
    }
}
