//! Stops and starts the leader of a cluster that the tests have started.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::ServerControl;
use etcd_client::Client;
use test_servers::Server;

use crate::harness::internal;

/// A cluster that the tests have started.
#[derive(Debug)]
pub(crate) struct LeaderControl {
    server: Arc<Server>,
    endpoints: Vec<String>,
    /// The member that was killed or paused last.
    chosen: AtomicUsize,
}

impl LeaderControl {
    pub(crate) fn new(server: Arc<Server>, endpoints: Vec<String>) -> Self {
        Self { server, endpoints, chosen: AtomicUsize::new(0) }
    }

    async fn make(
        &self,
        act: impl FnOnce(&Server) -> anyhow::Result<()> + Send + 'static,
    ) -> Result<()> {
        let server = Arc::clone(&self.server);
        let done = tokio::task::spawn_blocking(move || act(&server)).await.unwrap();
        done.map_err(|error| Error::ambiguous(ErrorKind::Internal, format!("{error:#}")))
    }

    /// Returns the member that leads.
    async fn leader(&self) -> Result<usize> {
        for (number, endpoint) in self.endpoints.iter().enumerate() {
            let look = async {
                let mut client = Client::connect([endpoint], None).await?;
                let status = client.status().await?;
                let me = status.header().map_or(0, etcd_client::ResponseHeader::member_id);
                Ok::<_, etcd_client::Error>(status.leader() == me)
            };
            if let Ok(Ok(true)) = tokio::time::timeout(Duration::from_secs(2), look).await {
                return Ok(number);
            }
        }
        Err(internal(&"no member reports that it leads"))
    }

    async fn choose(&self) -> Result<usize> {
        let leader = self.leader().await?;
        self.chosen.store(leader, Ordering::SeqCst);
        Ok(leader)
    }

    fn chosen(&self) -> usize {
        self.chosen.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ServerControl for LeaderControl {
    async fn kill(&self) -> Result<()> {
        let member = self.choose().await?;
        self.make(move |server| server.kill(member)).await
    }

    async fn start(&self) -> Result<()> {
        let member = self.chosen();
        self.make(move |server| server.start(member)).await
    }

    async fn pause(&self) -> Result<()> {
        let member = self.choose().await?;
        self.make(move |server| server.pause(member)).await
    }

    async fn resume(&self) -> Result<()> {
        let member = self.chosen();
        self.make(move |server| server.resume(member)).await
    }
}
