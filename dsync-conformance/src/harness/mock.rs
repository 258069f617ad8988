//! The harness of the store in memory.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Driver, Key, Verb};
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_mock::{Cut, MockDriver};

use crate::Harness;
use crate::harness::{Mishap, Operator, Via, Wire, Write};

/// A [`MockDriver`] as a store under test, with its operator and its wire. Make one for each test:
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

    fn wire(&self) -> Option<Arc<dyn Wire>> {
        Some(Arc::new(self.clone()))
    }
}

impl Wire for MockHarness {
    fn disturb(&self, instance: &str, write: Write, mishap: Mishap) {
        let (store, kind) = (&self.store, ErrorKind::Unavailable);
        let verb = match write {
            Write::Acquire => Verb::Acquire,
            Write::Renew => Verb::Renew,
            Write::Release => Verb::Release,
        };
        match mishap {
            Mishap::Refused => {
                store.fail_next(instance, verb, Error::definite(kind, "connection refused"));
            }
            Mishap::RequestBroken => {
                store.fail_next(instance, verb, Error::ambiguous(kind, "connection reset"));
            }
            Mishap::RequestLost => store.partition(instance, Cut::Requests),
            Mishap::AnswerBroken => store.fail_next_applied(instance, verb, kind),
            Mishap::AnswerLost => store.lose_next_answer(instance, verb),
            Mishap::Late(delay) => store.late_next(instance, verb, delay),
        }
    }

    fn heal(&self, instance: &str) {
        self.store.heal(instance);
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
