//! A master and its replica, behind an address that follows the master.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dsync::{Result, async_trait};
use dsync_conformance::harness::ServerControl;
use dsync_conformance::proxy::Proxy;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue};
use test_servers::{RedisOptions, Server, redis_own};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use crate::harness::internal;

/// How long a replica is cut off before it is promoted.
const LAG: Duration = Duration::from_millis(200);
/// How long a server may take to answer, and a replica to catch up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A master and a replica that the tests have started.
#[derive(Debug)]
pub(crate) struct Pair {
    servers: [Arc<Server>; 2],
    /// The index of the master.
    master: Mutex<usize>,
    proxy: Proxy,
    /// Runs the proxy. Shut down in the background, because it can be dropped in async code.
    runtime: Option<Runtime>,
}

impl Pair {
    /// Starts a replica of `master`.
    pub(crate) fn start(master: Server) -> anyhow::Result<Self> {
        let replica = redis_own(&options())?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let proxy = runtime.block_on(async {
            follow(&replica, &master).await?;
            anyhow::Ok(Proxy::start(address(&master)).await?)
        })?;
        let servers = [Arc::new(master), Arc::new(replica)];
        Ok(Self { servers, master: Mutex::new(0), proxy, runtime: Some(runtime) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    pub(crate) fn version(&self) -> &str {
        self.servers[0].version()
    }

    async fn of_master(&self, act: fn(&Server) -> anyhow::Result<()>) -> Result<()> {
        make(&self.servers[*self.master.lock().await], act).await
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Servers that keep acknowledged writes after a kill.
pub(crate) fn options() -> RedisOptions {
    let arguments = ["--repl-diskless-sync-delay", "0"].map(str::to_owned).to_vec();
    RedisOptions { persistent: true, arguments, ..RedisOptions::default() }
}

fn address(server: &Server) -> SocketAddr {
    server.address().expect("it was started here")
}

async fn make(server: &Arc<Server>, act: fn(&Server) -> anyhow::Result<()>) -> Result<()> {
    let server = Arc::clone(server);
    let done = tokio::task::spawn_blocking(move || act(&server)).await.unwrap();
    done.map_err(|error| internal(&format!("{error:#}")))
}

async fn command<T: FromRedisValue>(server: &Server, words: &[&str]) -> Result<T> {
    let client = Client::open(server.url()).map_err(|error| internal(&error))?;
    // Longer than the default of half a second: a fail-over must not stop half way on a busy machine.
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
    let mut connection = connection.map_err(|error| internal(&error))?;
    let mut request = Cmd::new();
    for word in words {
        request.arg(*word);
    }
    request.query_async(&mut connection).await.map_err(|error| internal(&error))
}

async fn follow(replica: &Server, master: &Server) -> Result<()> {
    let master = address(master);
    let (host, port) = (master.ip().to_string(), master.port().to_string());
    command(replica, &["REPLICAOF", &host, &port]).await
}

/// Waits until the replica has everything that was acknowledged so far.
async fn catch_up(replica: &Server, master: &Server) -> Result<()> {
    let number = |text: &str, name: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok())
    };
    let written: String = command(master, &["INFO", "replication"]).await?;
    let written = number(&written, "master_repl_offset:");
    let caught_up = async {
        loop {
            let text: String = command(replica, &["INFO", "replication"]).await?;
            let is_linked = text.contains("master_link_status:up");
            if is_linked && number(&text, "slave_repl_offset:") >= written {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, caught_up)
        .await
        .unwrap_or_else(|_| Err(internal(&"the replica does not follow its master")))
}

#[async_trait]
impl ServerControl for Pair {
    async fn kill(&self) -> Result<()> {
        self.of_master(|server| server.kill(0)).await
    }

    async fn start(&self) -> Result<()> {
        self.of_master(|server| server.start(0)).await
    }

    async fn pause(&self) -> Result<()> {
        self.of_master(|server| server.pause(0)).await
    }

    async fn resume(&self) -> Result<()> {
        self.of_master(|server| server.resume(0)).await
    }

    /// Promotes the replica by hand, after it has missed the last writes.
    async fn fail_over(&self) -> Result<bool> {
        let mut master = self.master.lock().await;
        let (old, new) = (&self.servers[*master], &self.servers[1 - *master]);
        catch_up(new, old).await?;
        // Cut it off, so that it misses what is written from now on.
        command::<()>(new, &["REPLICAOF", "127.0.0.1", "1"]).await?;
        tokio::time::sleep(LAG).await;
        make(old, |server| server.kill(0)).await?;
        command::<()>(new, &["REPLICAOF", "NO", "ONE"]).await?;
        self.proxy.forward_to(address(new));
        make(old, |server| server.start(0)).await?;
        follow(old, new).await?;
        *master = 1 - *master;
        Ok(true)
    }
}
