//! A driver whose first acquisition is applied, and answered with an ambiguous error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dsync::driver::{Acquired, Capabilities, Claim, Driver, Key, Lease, Released, Renewed, Watch};
use dsync::{Error, ErrorKind, Result, async_trait};

#[derive(Debug)]
pub(super) struct Deaf {
    inner: Arc<dyn Driver>,
    has_lost: AtomicBool,
}

impl Deaf {
    pub(super) fn new(inner: Arc<dyn Driver>) -> Self {
        Self { inner, has_lost: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Driver for Deaf {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        self.inner.read(key).await
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        let acquired = self.inner.acquire(key, claim).await?;
        let won = matches!(acquired, Acquired::Won(_));
        if won && !self.has_lost.swap(true, Ordering::Relaxed) {
            return Err(Error::ambiguous(ErrorKind::Timeout, "the suite lost this answer"));
        }
        Ok(acquired)
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        self.inner.renew(key, lease).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        self.inner.release(key, lease).await
    }

    fn watch(&self, key: &Key) -> Watch {
        self.inner.watch(key)
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
