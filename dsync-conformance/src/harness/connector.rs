//! A harness from nothing but a way to connect.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use dsync::env::BoxFuture;
use dsync::{Driver, Error, ErrorKind, Result, async_trait};

use crate::Harness;
use crate::harness::Via;

type Connect = dyn Fn() -> BoxFuture<Result<Arc<dyn Driver>>> + Send + Sync;

pub(crate) struct Connector(Box<Connect>);

impl Connector {
    pub(crate) fn new<F, Fut, D>(connect: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<D>> + Send + 'static,
        D: Driver,
    {
        Self(Box::new(move || {
            let driver = connect();
            Box::pin(async move {
                let driver: Arc<dyn Driver> = Arc::new(driver.await?);
                Ok(driver)
            })
        }))
    }
}

#[async_trait]
impl Harness for Connector {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        match via {
            Via::Direct => (self.0)().await,
            Via::Proxy(_) => Err(Error::definite(
                ErrorKind::Unsupported,
                "this suite was given no address of the server, so it needs no proxy",
            )),
        }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
