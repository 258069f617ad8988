use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Expiry, Key, Lease, Released, Renewed, Subscriptions,
    Watch, WatchScope,
};
use dsync::{Error, ErrorKind, Result, async_trait};
use redis::{Client, TlsCertificates};
use tokio::runtime::Handle;

use crate::master::Master;
use crate::names::Names;
use crate::record::in_millis;
use crate::scripts::{COUNTER_MS, Scripts};
use crate::servers::Servers;
use crate::topology::Topology;
use crate::watch::PubSubFeed;

/// Keeps leases as keys of a Redis server.
///
/// The [crate documentation](crate) describes what is written, which rights the driver needs, and
/// what Redis cannot guarantee.
#[derive(Debug)]
pub struct RedisDriver {
    servers: Arc<Servers>,
    subscriptions: Subscriptions,
    scripts: Scripts,
}

impl RedisDriver {
    /// Creates a driver for the servers at `url`. The default port is 6379.
    ///
    /// | URL | |
    /// |---|---|
    /// | `redis://[user:password@]host:port[/database]` | one server |
    /// | `redis+sentinel://[user:password@]host:port[,host:port…]/service[/database]` | the master that the sentinels report, looked up for each new connection. User and password are those of the master |
    /// | `redis+cluster://[user:password@]host:port[,host:port…]` | a cluster, given some of its nodes |
    ///
    /// `rediss` instead of `redis` selects TLS with the public certificate authorities.
    ///
    /// Nothing is sent yet. A program that starts while the server is down is a candidate
    /// nevertheless, and its first requests report the error. Connections are opened when they are
    /// needed, and opened again when they break. A request is sent twice in one case only: when the
    /// node of a cluster that received it has not run it and names another node.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Invalid`] if `url` is not valid; the message names the fault.
    /// - [`ErrorKind::NoRuntime`] outside a tokio runtime.
    pub fn open(url: &str) -> Result<Self> {
        Self::parse(url, None)
    }

    /// Creates a driver that uses TLS with a given certificate authority, a client certificate, or
    /// both. Sentinels and their master use the same certificates.
    ///
    /// # Errors
    ///
    /// The same as [`open`](Self::open), and [`ErrorKind::Invalid`] if `url` does not select TLS or
    /// the certificates cannot be read.
    pub fn open_with_certificates(url: &str, certificates: &TlsCertificates) -> Result<Self> {
        Self::parse(url, Some(certificates))
    }

    fn parse(url: &str, certificates: Option<&TlsCertificates>) -> Result<Self> {
        if Handle::try_current().is_err() {
            let message = "a connection needs a tokio runtime: call this from async code, or \
                           enter a runtime first";
            return Err(Error::definite(ErrorKind::NoRuntime, message));
        }
        Ok(Self::over(Topology::parse(url, certificates)?))
    }

    /// Creates a driver that uses an existing client, for settings that a URL cannot express.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self::over(Topology::master(Master::Fixed(client)))
    }

    fn over(topology: Topology) -> Self {
        let servers = Arc::new(Servers::new(topology));
        let subscriptions = Subscriptions::new(PubSubFeed::new(Arc::clone(&servers)));
        Self { servers, subscriptions, scripts: Scripts::new() }
    }

    fn duration(lease: &Lease) -> Result<u64> {
        let missing = || Error::definite(ErrorKind::Internal, "the lease to renew has no duration");
        lease.duration.map(in_millis).ok_or_else(missing)
    }

    fn holder(lease: &Lease) -> Result<&str> {
        let missing = || Error::definite(ErrorKind::Internal, "the lease has no holder");
        lease.holder.as_ref().map(dsync::driver::Holder::as_str).ok_or_else(missing)
    }
}

#[async_trait]
impl Driver for RedisDriver {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Expiry::Backend)
            .with_watch(WatchScope::Releases)
            .with_lease(Duration::from_millis(100), Duration::from_millis(1))
            .with_max_expiry_lag(Duration::from_millis(20))
            .with_token_surviving_delete()
            .with_token_surviving_restart()
            .with_token_surviving_loss()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        let names = Names::of(key);
        let mut script = self.scripts.read.prepare_invoke();
        script.key(&names.record).key(&names.absent);
        Ok(self.servers.run(&names.record, &script).await?.lease)
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        self.subscriptions.note_lease(claim.duration);
        let names = Names::of(key);
        let mut script = self.scripts.acquire.prepare_invoke();
        script.key(&names.record).key(&names.counter);
        script.arg(claim.holder.as_str()).arg(in_millis(claim.duration));
        script.arg(claim.token_floor.get()).arg(COUNTER_MS);
        let answer = self.servers.run(&names.record, &script).await?;
        Ok(match answer.lease {
            Some(lease) if answer.applied => Acquired::Won(lease),
            lease => Acquired::Held(lease),
        })
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let names = Names::of(key);
        let mut script = self.scripts.renew.prepare_invoke();
        script.key(&names.record).key(&names.counter);
        script.arg(Self::holder(lease)?).arg(Self::duration(lease)?).arg(COUNTER_MS);
        let answer = self.servers.run(&names.record, &script).await?;
        Ok(match answer.lease {
            Some(lease) if answer.applied => Renewed::Kept(lease),
            lease => Renewed::Lost(lease),
        })
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        let names = Names::of(key);
        let mut script = self.scripts.release.prepare_invoke();
        script.key(&names.record).arg(Self::holder(lease)?).arg(&names.record);
        let answer = self.servers.run(&names.record, &script).await?;
        Ok(if answer.applied { Released::Freed } else { Released::NotHeld })
    }

    fn watch(&self, key: &Key) -> Watch {
        self.subscriptions.watch(key)
    }

    async fn close(&self) {
        self.servers.close();
        self.subscriptions.close().await;
    }
}
