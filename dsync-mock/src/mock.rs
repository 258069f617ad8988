//! [`MockDriver`]: a connection to a store in memory.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Expiry, Key, Lease, Observation, Released, Renewed,
    Watch, WatchScope,
};
use dsync::{Result, async_trait};
use tokio::time::{sleep, sleep_until};

use crate::connection::Connection;
use crate::operation::{Acquire, Operation, Read, Release, Renew};
use crate::records::GRANULARITY;
use crate::store::{State, Store};
use crate::unfold::Unfold;
use crate::watch::Watcher;

/// A connection to a store in memory, and the controls of that store.
///
/// A clone is another connection to the same store. Give one to each replica under test, and keep
/// one for the controls. A connection learns which instance it belongs to from the first claim
/// that it sends. Faults such as [`partition`](Self::partition) hit an instance. If reads and
/// watches before the first claim matter, open the connection with [`client`](Self::client), whose
/// clones belong to the same instance.
///
/// Time is tokio's, so a test with a paused clock takes no time.
pub struct MockDriver {
    pub(crate) store: Arc<Store>,
    connection: Arc<Connection>,
    expiry: Expiry,
    watch: WatchScope,
}

impl MockDriver {
    /// Creates a store whose records expire by themselves ([`Expiry::Backend`]), as in Redis and
    /// etcd.
    #[must_use]
    pub fn new() -> Self {
        Self::with_expiry(Expiry::Backend)
    }

    /// Creates a store whose records stay until another candidate takes them over
    /// ([`Expiry::Observer`]), as in Kubernetes. A released election keeps its record, and a
    /// released lock leaves none.
    #[must_use]
    pub fn observer() -> Self {
        Self::with_expiry(Expiry::Observer)
    }

    fn with_expiry(expiry: Expiry) -> Self {
        Self {
            store: Arc::new(Store::new(expiry)),
            connection: Arc::default(),
            expiry,
            watch: WatchScope::Changes,
        }
    }

    /// Sets which events the watches of this connection and its clones report.
    ///
    /// ```
    /// # use dsync::driver::WatchScope; use dsync_mock::MockDriver;
    /// let like_redis = MockDriver::new().with_watch(WatchScope::Releases);
    /// ```
    #[must_use]
    pub fn with_watch(mut self, watch: WatchScope) -> Self {
        self.watch = watch;
        self
    }

    /// Opens a connection of `instance` to the same store.
    ///
    /// ```
    /// # use dsync_mock::MockDriver;
    /// let store = MockDriver::new();
    /// let client = store.client("pod-a");
    /// ```
    #[must_use]
    pub fn client(&self, instance: impl Into<String>) -> Self {
        let connection = Arc::new(Connection::of(instance.into()));
        Self { store: Arc::clone(&self.store), connection, ..*self }
    }

    async fn call<O: Operation>(&self, key: &Key, operation: O) -> Result<O::Answer> {
        let instance = self.connection.sends(operation.holder());
        let instance = instance.as_deref();
        let sent = self.store.lock().send(instance, key, operation);
        if let Some(lands) = sent.lands {
            sleep_until(lands).await;
            // Locking the store applies the requests that are due.
            drop(self.store.lock());
        }
        let Ok(answer) = sent.answer.await else { return pending().await };
        let delay = self.store.lock().network.answer_delay(instance);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if self.store.lock().network.cuts_answers(instance) {
            return pending().await;
        }
        answer
    }

    /// Changes the store from outside.
    pub(crate) fn with_state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.store.lock())
    }
}

impl Default for MockDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for MockDriver {
    /// Opens another connection to the same store.
    fn clone(&self) -> Self {
        let connection = Arc::new(self.connection.another());
        Self { store: Arc::clone(&self.store), connection, ..*self }
    }
}

impl fmt::Debug for MockDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockDriver")
            .field("instance", &self.connection.instance())
            .field("expiry", &self.expiry)
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Driver for MockDriver {
    fn name(&self) -> &'static str {
        "mock"
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::new(self.expiry)
            .with_watch(self.watch)
            .with_lease(GRANULARITY, GRANULARITY)
            .with_token_surviving_delete()
            .with_token_surviving_restart()
            .with_token_surviving_loss();
        match self.expiry {
            Expiry::Observer => capabilities.with_released_elections_kept(),
            _ => capabilities,
        }
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        self.call(key, Read).await
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        self.call(key, Acquire(claim.clone())).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        self.call(key, Renew(lease.clone())).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        self.call(key, Release(lease.clone())).await
    }

    fn watch(&self, key: &Key) -> Watch {
        if self.watch == WatchScope::Nothing {
            return Observation::silence();
        }
        let watcher = Watcher::new(&self.store, &self.connection, key, self.watch);
        Box::pin(Unfold::new(watcher, Watcher::next))
    }

    /// Does nothing: the store lives as long as a connection does.
    async fn close(&self) {}
}
