//! A store to measure on.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use dsync::Driver;

/// A store, used with raw requests only.
#[async_trait]
pub(crate) trait Raw: Send {
    /// Acquires and releases a lock.
    async fn pair(&mut self) -> Result<()>;

    /// Makes one client hold the lock and another one watch it.
    async fn prepare(&mut self) -> Result<()>;

    /// Releases the lock with one client; the other notices it and acquires.
    async fn hand_over(&mut self) -> Result<()>;
}

/// A store to measure on.
pub(crate) struct Backend {
    pub(crate) about: String,
    pub(crate) raw: Box<dyn Raw>,
    pub(crate) connect: Box<dyn Fn() -> Result<Arc<dyn Driver>> + Send>,
    /// Keeps the server running.
    pub(crate) _server: test_servers::Server,
}
