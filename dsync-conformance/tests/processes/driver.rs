//! A driver for the store, and the harness.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Expiry, Holder, Key, Lease, Observation, Pulse,
    Released, Renewed, Version, Watch,
};
use dsync::{Error, ErrorKind, FencingToken, Result, async_trait};
use dsync_conformance::Harness;
use dsync_conformance::harness::Via;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::store::{Answer, Ask, Record, Request};

/// Where the store is, for candidates.
pub(crate) const STORE: &str = "DSYNC_CONFORMANCE_TEST_STORE";

#[derive(Debug)]
pub(crate) struct StoreHarness {
    pub(crate) address: SocketAddr,
}

#[async_trait]
impl Harness for StoreHarness {
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>> {
        let address = match via {
            Via::Direct => self.address,
            Via::Proxy(address) => address,
        };
        Ok(Arc::new(StoreDriver { address }))
    }

    fn address(&self) -> Option<SocketAddr> {
        Some(self.address)
    }

    fn environment(&self) -> Option<Vec<(String, String)>> {
        Some(vec![(STORE.to_owned(), self.address.to_string())])
    }
}

/// Makes a connection for each request.
#[derive(Debug)]
struct StoreDriver {
    address: SocketAddr,
}

impl StoreDriver {
    async fn ask(&self, key: &Key, what: Ask) -> Result<Answer> {
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| Error::definite(ErrorKind::Unavailable, error.to_string()))?;
        let exchange = async {
            let mut stream = BufReader::new(stream);
            let request = Request { key: key.to_string(), what };
            let request = serde_json::to_string(&request)? + "\n";
            stream.write_all(request.as_bytes()).await?;
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            Ok::<_, io::Error>(serde_json::from_str(&line)?)
        };
        exchange.await.map_err(|error| Error::ambiguous(ErrorKind::Unavailable, error.to_string()))
    }
}

fn lease(record: Record) -> Lease {
    let version = record.version.to_string();
    Lease::held(
        Holder::from_wire(record.holder),
        Duration::from_millis(record.duration_ms),
        Version::new(version.as_str()),
        Pulse::new(version.as_str()),
        FencingToken::new(record.token),
    )
}

fn mine(lease: &Lease) -> (String, u64) {
    let holder = lease.holder.as_ref().map(ToString::to_string).unwrap_or_default();
    (holder, lease.version.as_str().parse().unwrap())
}

#[async_trait]
impl Driver for StoreDriver {
    fn name(&self) -> &'static str {
        "store"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Expiry::Observer)
            .with_lease(Duration::from_millis(100), Duration::from_millis(1))
            .with_token_surviving_delete()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        Ok(self.ask(key, Ask::Read).await?.record.map(lease))
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        let duration_ms = u64::try_from(claim.duration.as_millis()).unwrap();
        let take_over = claim.take_over.as_ref().map(|version| version.as_str().parse().unwrap());
        let holder = claim.holder.to_string();
        let answer = self.ask(key, Ask::Acquire { holder, duration_ms, take_over }).await?;
        Ok(match answer {
            Answer { done: true, record: Some(record) } => Acquired::Won(lease(record)),
            Answer { record, .. } => Acquired::Held(record.map(lease)),
        })
    }

    async fn renew(&self, key: &Key, held: &Lease) -> Result<Renewed> {
        let (holder, version) = mine(held);
        let answer = self.ask(key, Ask::Renew { holder: holder.clone(), version }).await?;
        Ok(match answer.record {
            Some(record) if answer.done => Renewed::Kept(lease(record)),
            Some(record) if record.holder == holder => Renewed::Conflict,
            record => Renewed::Lost(record.map(lease)),
        })
    }

    async fn release(&self, key: &Key, held: &Lease) -> Result<Released> {
        let (holder, version) = mine(held);
        let answer = self.ask(key, Ask::Release { holder: holder.clone(), version }).await?;
        Ok(match answer.record {
            _ if answer.done => Released::Freed,
            Some(record) if record.holder == holder => Released::Conflict,
            _ => Released::NotHeld,
        })
    }

    fn watch(&self, _: &Key) -> Watch {
        Observation::silence()
    }

    async fn close(&self) {}
}
