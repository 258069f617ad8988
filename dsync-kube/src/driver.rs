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
/// The [crate documentation](crate) says what is written, what rights it takes, and how far the
/// fencing tokens go.
#[derive(Debug)]
pub struct KubeDriver {
    watches: Arc<Watches>,
    sightings: Sightings,
}

impl KubeDriver {
    /// A driver for the API server that `config` names, or the one that is there: a call of
    /// [`from_kubeconfig`](Self::from_kubeconfig) with
    /// [`Config::kubeconfig`](dsync::Config::kubeconfig), which is `KUBE_CONFIG_PATH` unless set.
    ///
    /// # Errors
    ///
    /// Those of [`from_kubeconfig`](Self::from_kubeconfig).
    ///
    /// # Cancel safety
    ///
    /// Safe, as [`from_kubeconfig`](Self::from_kubeconfig).
    pub async fn connect(config: &Config) -> Result<Self> {
        Self::from_kubeconfig(config.kubeconfig()).await
    }

    /// A driver for the API server of a kubeconfig, or of the pod that this runs in.
    ///
    /// The first of these that is there is used, and only that one:
    ///
    /// 1. `path`,
    /// 2. the files named in the environment variable `KUBECONFIG`,
    /// 3. the service account of the pod,
    /// 4. `~/.kube/config`.
    ///
    /// Nothing is sent yet: a program that starts while the API server is down is a candidate all
    /// the same, and the first requests report the trouble. The client is the driver's own, so
    /// that renewals do not wait behind the program's other requests; its credentials are read
    /// again when the server refuses them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the configuration is missing or wrong, naming the file and what
    /// is wrong in it; [`ErrorKind::Unauthenticated`] if a credential plugin fails;
    /// [`ErrorKind::NoRuntime`] outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is left behind, except a credential plugin that may run to its end.
    pub async fn from_kubeconfig(path: Option<&Path>) -> Result<Self> {
        if Handle::try_current().is_err() {
            let message = "a connection needs a tokio runtime, and there is none here";
            return Err(Error::definite(ErrorKind::NoRuntime, message));
        }
        Ok(Self::over(Session::open(Source::find(path)).await?))
    }

    /// A driver over a client of the caller's.
    ///
    /// The client must not retry by itself, or an answer to a second try may hide that the first
    /// one was applied: make it from a [`kube::Config`] with `default_retry = false`. It should
    /// share no rate limit with other work, and have no read timeout below a minute, which would
    /// end watches. Its credentials are not read again.
    #[must_use]
    pub fn new(client: kube::Client) -> Self {
        Self::over(Session::given(client))
    }

    fn over(session: Session) -> Self {
        let store = Arc::new(Store { session, cache: Cache::default() });
        let watches = Arc::new(Watches::new(store, WATCH_IDLE));
        Self { watches, sightings: Sightings::default() }
    }

    /// How long the shared watch may be silent before its connection is replaced, in case it
    /// leads nowhere: 15 s unless set, and at least 100 ms.
    ///
    /// Shorter finds a dead connection sooner, at the price of one request per idle time in a
    /// namespace where nothing happens.
    #[must_use]
    pub fn with_watch_idle(self, idle: Duration) -> Self {
        self.watches.set_idle(idle);
        self
    }

    /// Deletes the lock Leases in `namespace` that crashed holders have left behind.
    ///
    /// A lock that is released deletes its Lease, but one whose holder has crashed stays until
    /// somebody takes that lock again. With a lock per customer, that may be never. Call this
    /// every hour or so from one place, such as the body of an election.
    ///
    /// Only Leases that this crate has created as locks are looked at (by their labels), and one
    /// is deleted only if *this driver* has seen it unchanged, from one call to a later one, for
    /// ten times the duration in it, and only if it is still unchanged then. So the first call
    /// deletes nothing. It takes the rights to `list` and `delete` leases in the namespace.
    ///
    /// # Errors
    ///
    /// As every request. A Lease that somebody has taken or deleted meanwhile is no error.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was deleted stays deleted, and the next call goes on.
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
            // It was aborted, so the only thing to learn is that it is over.
            let _ = task.await;
        }
    }
}

impl Drop for KubeDriver {
    fn drop(&mut self) {
        self.watches.stop();
    }
}
