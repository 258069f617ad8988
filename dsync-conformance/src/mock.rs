//! The harness of the store in memory.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Driver, Key};
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_mock::MockDriver;

use crate::Harness;
use crate::harness::{Operator, Via};

/// A [`MockDriver`] as a store under test, with its operator. Make one for each test:
///
/// ```no_run
/// use dsync_conformance::{MockHarness, Suite};
/// use dsync_mock::MockDriver;
///
/// fn main() -> std::process::ExitCode {
///     Suite::with_store_per_test("mock", || MockHarness::new(MockDriver::new())).in_memory().run()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct MockHarness {
    store: MockDriver,
}

impl MockHarness {
    /// The harness of `store`.
    #[must_use]
    pub fn new(store: MockDriver) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Harness for MockHarness {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        match via {
            Via::Direct => Ok(Arc::new(self.store.clone())),
            Via::Proxy(_) => {
                let message = "a store in memory has no network to put a proxy in";
                Err(Error::definite(ErrorKind::Unsupported, message))
            }
        }
    }

    fn server(&self) -> Option<String> {
        Some(format!("dsync-mock {}", env!("CARGO_PKG_VERSION")))
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Operator for MockHarness {
    async fn delete(&self, key: &Key) -> Result<()> {
        self.store.delete(key);
        Ok(())
    }

    async fn empty(&self, key: &Key) -> Result<()> {
        self.store.empty(key);
        Ok(())
    }

    async fn overwrite(&self, key: &Key, holder: &str, duration: Duration) -> Result<()> {
        self.store.overwrite(key, holder, duration);
        Ok(())
    }

    async fn touch(&self, key: &Key) -> Result<bool> {
        let version = |store: &MockDriver| store.record(key).map(|record| record.version);
        let before = version(&self.store);
        self.store.touch(key);
        Ok(version(&self.store) != before)
    }

    async fn left_over(&self, key: &Key) -> Result<Vec<String>> {
        let record = self.store.record(key).filter(|record| record.holder.is_some());
        Ok(record.map(|record| format!("{key}: {record:?}")).into_iter().collect())
    }
}
