//! The store of a harness, as the store of a cluster.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Driver, Key};
use dsync::{Result, async_trait};
use tokio::sync::watch;

use crate::Harness;
use crate::harness::{Operator, Via};
use crate::sim::cluster::StoreUnderTest;

/// How often an edit is tried, while the server may be down.
const MOST_TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// The store of a harness. Several clusters may share it.
#[derive(Debug)]
pub(super) struct HarnessStore {
    harness: Arc<dyn Harness>,
    operator: Option<Arc<dyn Operator>>,
    slack: Duration,
    /// Whether something is being done to the server.
    trouble: Option<watch::Receiver<bool>>,
}

impl HarnessStore {
    pub(super) fn new(harness: Arc<dyn Harness>, slack: Duration) -> Self {
        let operator = harness.operator();
        Self { harness, operator, slack, trouble: None }
    }

    /// Worlds wait for the end of this before they demand anything.
    pub(super) fn with_trouble(mut self, trouble: watch::Receiver<bool>) -> Self {
        self.trouble = Some(trouble);
        self
    }
}

#[async_trait]
impl StoreUnderTest for HarnessStore {
    async fn connect(&self, _: usize) -> Result<Arc<dyn Driver>> {
        self.harness.connect(Via::Direct).await
    }

    async fn delete(&self, key: &Key) -> bool {
        match &self.operator {
            Some(operator) => insist(|| operator.delete(key)).await,
            None => false,
        }
    }

    async fn empty(&self, key: &Key) -> bool {
        match &self.operator {
            Some(operator) => insist(|| operator.empty(key)).await,
            None => false,
        }
    }

    async fn overwrite(&self, key: &Key, duration: Duration) -> bool {
        match &self.operator {
            Some(operator) => insist(|| operator.overwrite(key, "somebody-else", duration)).await,
            None => false,
        }
    }

    async fn touch(&self, key: &Key) -> bool {
        match &self.operator {
            Some(operator) => operator.touch(key).await.unwrap_or(false),
            None => false,
        }
    }

    async fn forget(&self) -> bool {
        // The server is not this cluster's alone.
        false
    }

    async fn lose_last_write(&self, _: &Key) -> bool {
        false
    }

    async fn calm(&self) {
        if let Some(trouble) = &self.trouble {
            // A closed channel means that the disturbance is over.
            let _ = trouble.clone().wait_for(|trouble| !trouble).await;
        }
    }

    fn slack(&self) -> Duration {
        self.slack
    }

    async fn left_over(&self, key: &Key) -> Vec<String> {
        match &self.operator {
            Some(operator) => operator.left_over(key).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }
}

/// Until it is known to be done: an edit whose outcome is unknown would leave everything in doubt.
async fn insist<F: Future<Output = Result<()>>>(edit: impl Fn() -> F) -> bool {
    for _ in 0..MOST_TRIES {
        if edit().await.is_ok() {
            return true;
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}
