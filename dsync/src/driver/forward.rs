use std::sync::Arc;

use async_trait::async_trait;

use super::{Acquired, Capabilities, Claim, Driver, Key, Lease, Released, Renewed, Watch};
use crate::Result;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: Driver + ?Sized> Driver for Arc<T> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        (**self).read(key).await
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        (**self).acquire(key, claim).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        (**self).renew(key, lease).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        (**self).release(key, lease).await
    }

    fn watch(&self, key: &Key) -> Watch {
        (**self).watch(key)
    }

    async fn close(&self) {
        (**self).close().await;
    }
}
