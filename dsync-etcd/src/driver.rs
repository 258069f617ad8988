use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Expiry, Key, Lease, Released, Renewed, Subscriptions,
    Watch, WatchScope,
};
use dsync::{Result, async_trait};

use crate::leases::Leases;
use crate::options::EtcdOptions;
use crate::session::Session;
use crate::verbs::Store;
use crate::watch::WatchFeed;

const SECOND: Duration = Duration::from_secs(1);

/// Keeps leases as keys of an etcd cluster.
///
/// The [crate documentation](crate) describes what is written, and which rights the driver needs.
#[derive(Debug)]
pub struct EtcdDriver {
    store: Store,
    subscriptions: Subscriptions,
}

impl EtcdDriver {
    /// Creates a driver for the cluster of `options`.
    ///
    /// Nothing is sent yet. A program that starts while the cluster is down is a candidate
    /// nevertheless, and its first requests report the error. A connection is opened when it is
    /// needed, and one to the next member when it breaks. A request whose outcome is unknown is never
    /// sent again.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::NoRuntime`](dsync::ErrorKind::NoRuntime) outside a tokio runtime.
    pub fn open(options: EtcdOptions) -> Result<Self> {
        let session = Arc::new(Session::new(options));
        let leases = Leases::new(Arc::clone(&session))?;
        let subscriptions = Subscriptions::new(WatchFeed::new(Arc::clone(&session)));
        Ok(Self { store: Store { session, leases }, subscriptions })
    }
}

#[async_trait]
impl Driver for EtcdDriver {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Expiry::Backend)
            .with_watch(WatchScope::Changes)
            .with_lease(SECOND, SECOND)
            // One second of rounding and slack, and up to half a second until the server's loop
            // notices an expired lease.
            .with_max_expiry_lag(2 * SECOND)
            .with_token_surviving_delete()
            .with_token_surviving_restart()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        self.store.read(key).await
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        self.subscriptions.note_lease(claim.duration);
        self.store.acquire(key, claim).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        self.store.renew(key, lease).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        self.store.release(key, lease).await
    }

    fn watch(&self, key: &Key) -> Watch {
        self.subscriptions.watch(key)
    }

    async fn close(&self) {
        self.subscriptions.close().await;
        self.store.leases.close().await;
        self.store.session.close();
    }
}
