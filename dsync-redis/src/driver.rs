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
use crate::place::Place;
use crate::record::in_millis;
use crate::scripts::{COUNTER_MS, Scripts};
use crate::servers::Servers;
use crate::watch::PubSubFeed;

/// Keeps leases as keys of a Redis server.
///
/// The [crate documentation](crate) says what is written, what rights it takes, and what Redis
/// cannot promise.
#[derive(Debug)]
pub struct RedisDriver {
    servers: Arc<Servers>,
    subscriptions: Subscriptions,
    scripts: Scripts,
}

impl RedisDriver {
    /// A driver for the servers at `url`; without a port it is 6379:
    ///
    /// | URL | |
    /// |---|---|
    /// | `redis://[user:password@]host:port[/database]` | one server |
    /// | `redis+sentinel://[user:password@]host:port[,host:port…]/service[/database]` | the master that sentinels know; they are asked with each new connection. User and password are the master's |
    /// | `redis+cluster://[user:password@]host:port[,host:port…]` | a cluster, by some of its nodes |
    ///
    /// `rediss` in place of `redis` is TLS, with the usual authorities.
    ///
    /// Nothing is sent yet: a program that starts while the server is down is a candidate all the
    /// same, and the first requests report the trouble. Connections are made when they are
    /// needed, and again when they break; no request is ever sent twice, but to the node of a
    /// cluster that is named by one which has not run it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if `url` is none, naming what is wrong with it;
    /// [`ErrorKind::NoRuntime`] outside of a tokio runtime.
    pub fn open(url: &str) -> Result<Self> {
        Self::parse(url, None)
    }

    /// As [`open`](Self::open), with TLS by an authority of one's own, with a certificate of the
    /// client's, or both. For sentinels, they are those of the master as well.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); also [`ErrorKind::Invalid`] if `url` is not one of TLS, or the
    /// certificates cannot be read.
    pub fn open_with_certificates(url: &str, certificates: &TlsCertificates) -> Result<Self> {
        Self::parse(url, Some(certificates))
    }

    fn parse(url: &str, certificates: Option<&TlsCertificates>) -> Result<Self> {
        if Handle::try_current().is_err() {
            let message = "a connection needs a tokio runtime, and there is none here";
            return Err(Error::definite(ErrorKind::NoRuntime, message));
        }
        Ok(Self::at(Place::parse(url, certificates)?))
    }

    /// A driver over a client of the caller's, for settings that a URL does not have.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self::at(Place::master(Master::Named(client)))
    }

    fn at(place: Place) -> Self {
        let servers = Arc::new(Servers::new(place));
        let subscriptions = Subscriptions::new(PubSubFeed::new(Arc::clone(&servers)));
        Self { servers, subscriptions, scripts: Scripts::new() }
    }

    fn duration(lease: &Lease) -> Result<u64> {
        let missing = || Error::definite(ErrorKind::Internal, "a lease without a duration");
        lease.duration.map(in_millis).ok_or_else(missing)
    }

    fn holder(lease: &Lease) -> Result<&str> {
        let missing = || Error::definite(ErrorKind::Internal, "a lease without a holder");
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
        script.key(&names.record).key(&names.nothing);
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
