//! The store of a simulated cluster, and what can be done to it from outside.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Driver, Key};
use dsync::{Result, async_trait};
use dsync_mock::MockDriver;

use crate::sim::schedule::Store;

/// A store in which a schedule happens. What cannot be done to it answers `false`.
#[async_trait]
pub(crate) trait StoreUnderTest: fmt::Debug + Send + Sync {
    /// A connection for a process on this node.
    async fn connect(&self, node: usize) -> Result<Arc<dyn Driver>>;

    /// Deletes the record.
    async fn delete(&self, key: &Key) -> bool;

    /// Empties the holder.
    async fn empty(&self, key: &Key) -> bool;

    /// Puts another holder into the record.
    async fn overwrite(&self, key: &Key, duration: Duration) -> bool;

    /// Edits what is none of dsync's business.
    async fn touch(&self, key: &Key) -> bool;

    /// Restarts the store without its memory.
    async fn forget(&self) -> bool;

    /// Loses the last write.
    async fn lose_last_write(&self, key: &Key) -> bool;

    /// Completes when nothing is being done to the server as a whole.
    async fn calm(&self) {}

    /// What the machine may add to a bound: nothing in virtual time but the rounding of timers.
    fn slack(&self) -> Duration;

    /// Lists what is left of a key that has no holder, for messages.
    async fn left_over(&self, key: &Key) -> Vec<String>;
}

/// The store in memory.
#[derive(Debug)]
pub(crate) struct MockStore(MockDriver);

impl MockStore {
    pub(crate) fn new(store: Store) -> Self {
        Self(match store {
            Store::Backend => MockDriver::new(),
            Store::Observer => MockDriver::observer(),
            Store::Releases => MockDriver::new().with_watch(dsync::driver::WatchScope::Releases),
        })
    }
}

#[async_trait]
impl StoreUnderTest for MockStore {
    async fn connect(&self, node: usize) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(self.0.client(format!("node-{node}"))))
    }

    async fn delete(&self, key: &Key) -> bool {
        self.0.delete(key);
        true
    }

    async fn empty(&self, key: &Key) -> bool {
        self.0.empty(key);
        true
    }

    async fn overwrite(&self, key: &Key, duration: Duration) -> bool {
        self.0.overwrite(key, "somebody-else", duration);
        true
    }

    async fn touch(&self, key: &Key) -> bool {
        self.0.touch(key);
        true
    }

    async fn forget(&self) -> bool {
        self.0.forget();
        true
    }

    async fn lose_last_write(&self, key: &Key) -> bool {
        self.0.lose_last_write(key)
    }

    fn slack(&self) -> Duration {
        Duration::from_millis(10)
    }

    async fn left_over(&self, key: &Key) -> Vec<String> {
        let record = self.0.record(key).filter(|record| record.holder.is_some() || is_lock(key));
        record.map(|record| format!("a record: {record:?}")).into_iter().collect()
    }
}

fn is_lock(key: &Key) -> bool {
    key.kind() == dsync::driver::KeyKind::Lock
}
