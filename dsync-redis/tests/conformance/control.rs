//! Stops and starts a server of our own.

use std::sync::Arc;

use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::ServerControl;
use test_servers::Server;

/// A server that was started here.
#[derive(Clone, Debug)]
pub(crate) struct Own(pub(crate) Arc<Server>);

impl Own {
    async fn make(&self, act: fn(&Server) -> anyhow::Result<()>) -> Result<()> {
        let server = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || act(&server)).await.unwrap();
        done.map_err(|error| Error::ambiguous(ErrorKind::Internal, format!("{error:#}")))
    }
}

#[async_trait]
impl ServerControl for Own {
    async fn kill(&self) -> Result<()> {
        self.make(|server| server.kill(0)).await
    }

    async fn start(&self) -> Result<()> {
        self.make(|server| server.start(0)).await
    }

    async fn pause(&self) -> Result<()> {
        self.make(|server| server.pause(0)).await
    }

    async fn resume(&self) -> Result<()> {
        self.make(|server| server.resume(0)).await
    }

    async fn forget(&self) -> Result<bool> {
        self.make(Server::forget).await.map(|()| true)
    }
}
