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

use crate::site::wrong;

/// For how long a replica that is to be promoted has heard nothing.
const BEHIND: Duration = Duration::from_millis(200);
/// How long a server may take to answer, and a replica to hear of everything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two servers that were started here.
#[derive(Debug)]
pub(crate) struct Pair {
    servers: [Arc<Server>; 2],
    /// Which of them is the master.
    master: Mutex<usize>,
    proxy: Proxy,
    /// Of the proxy. In the background: it may be dropped from async code.
    runtime: Option<Runtime>,
}

impl Pair {
    /// Of the first, and a second server.
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

/// What was acknowledged is there after a kill.
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
    done.map_err(|error| wrong(&format!("{error:#}")))
}

async fn say<T: FromRedisValue>(server: &Server, words: &[&str]) -> Result<T> {
    let client = Client::open(server.url()).map_err(|error| wrong(&error))?;
    // Not the half second of the client: half of a fail-over is none, and the machine is busy.
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
    let mut connection = connection.map_err(|error| wrong(&error))?;
    let mut command = Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command.query_async(&mut connection).await.map_err(|error| wrong(&error))
}

async fn follow(replica: &Server, master: &Server) -> Result<()> {
    let place = address(master);
    let (host, port) = (place.ip().to_string(), place.port().to_string());
    say(replica, &["REPLICAOF", &host, &port]).await
}

/// Waits until the replica has heard of everything that was acknowledged until now.
async fn catch_up(replica: &Server, master: &Server) -> Result<()> {
    let number = |text: &str, name: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok())
    };
    let written: String = say(master, &["INFO", "replication"]).await?;
    let written = number(&written, "master_repl_offset:");
    let caught_up = async {
        loop {
            let text: String = say(replica, &["INFO", "replication"]).await?;
            let is_linked = text.contains("master_link_status:up");
            if is_linked && number(&text, "slave_repl_offset:") >= written {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, caught_up)
        .await
        .unwrap_or_else(|_| Err(wrong(&"the replica does not follow its master")))
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

    /// The replica is promoted by hand, and has missed the last writes.
    async fn fail_over(&self) -> Result<bool> {
        let mut master = self.master.lock().await;
        let (old, new) = (&self.servers[*master], &self.servers[1 - *master]);
        catch_up(new, old).await?;
        // It hears nothing any more.
        say::<()>(new, &["REPLICAOF", "127.0.0.1", "1"]).await?;
        tokio::time::sleep(BEHIND).await;
        make(old, |server| server.kill(0)).await?;
        say::<()>(new, &["REPLICAOF", "NO", "ONE"]).await?;
        self.proxy.forward_to(address(new));
        make(old, |server| server.start(0)).await?;
        follow(old, new).await?;
        *master = 1 - *master;
        Ok(true)
    }
}
