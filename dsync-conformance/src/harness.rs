//! What the suite has to know of a store, beyond a driver for it.

mod connector;
mod mock;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Driver, Key};
use dsync::{Result, async_trait};

pub(crate) use self::connector::Connector;
pub use self::mock::MockHarness;

/// Where harnesses come from.
pub(crate) type Stores = Arc<dyn Fn() -> Arc<dyn Harness> + Send + Sync>;

/// A store under test. Only [`connect`](Self::connect) is needed; each of the others makes more
/// rules testable, and the report says what was missing.
#[async_trait]
pub trait Harness: fmt::Debug + Send + Sync + 'static {
    /// A driver with a connection of its own, as another process would have. All of them reach the
    /// same store. Called often: for each candidate of each case.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from reaching the store.
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>>;

    /// The server and its version, for the report: `"kube-apiserver v1.37.2"`.
    fn server(&self) -> Option<String> {
        None
    }

    /// Where the server listens, so that a proxy that makes faults can stand in front of it.
    fn address(&self) -> Option<SocketAddr> {
        None
    }

    /// Somebody who edits records behind dsync's back.
    fn operator(&self) -> Option<Arc<dyn Operator>> {
        None
    }

    /// Somebody who stops and starts the server.
    fn server_control(&self) -> Option<Arc<dyn ServerControl>> {
        None
    }

    /// The path to a store in memory, on which single writes can fail. A store with an
    /// [`address`](Self::address) does not need it: the proxy makes these faults there.
    fn wire(&self) -> Option<Arc<dyn Wire>> {
        None
    }

    /// The environment in which another process that calls the same `main` builds a harness of the
    /// same store. `None`: the store lives in this process, or nobody said how.
    fn environment(&self) -> Option<Vec<(String, String)>> {
        None
    }
}

/// How a driver reaches the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// As it would by itself.
    Direct,
    /// At this address, where a proxy forwards to [`Harness::address`].
    Proxy(SocketAddr),
}

/// The path between drivers and a store in memory, where single writes go wrong below the driver
/// under test: the driver gets what a real client would get from its connection.
pub trait Wire: fmt::Debug + Send + Sync {
    /// Plans what happens to the next `write` of `instance`, over whichever connection it comes.
    fn disturb(&self, instance: &str, write: Write, mishap: Mishap);

    /// Ends every fault of `instance` that outlasts the write it was planned for.
    fn heal(&self, instance: &str);
}

/// A verb that changes the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// [`Driver::acquire`].
    Acquire,
    /// [`Driver::renew`].
    Renew,
    /// [`Driver::release`].
    Release,
}

impl Write {
    pub(crate) const ALL: [Self; 3] = [Self::Acquire, Self::Renew, Self::Release];
}

/// What goes wrong with one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The store refuses the request: it is not applied, and the answer proves that.
    Refused,
    /// The connection breaks before the request arrives. It is not applied, but nothing proves
    /// that.
    RequestBroken,
    /// The request is lost: it is not applied, and there is no answer.
    RequestLost,
    /// The request is applied, and the connection breaks before the answer arrives.
    AnswerBroken,
    /// The request is applied, and its answer is lost.
    AnswerLost,
    /// The request is applied after this long, and there is no answer.
    Late(Duration),
}

impl Mishap {
    /// Whether the store applies the write, sooner or later.
    pub(crate) fn is_applied(self) -> bool {
        matches!(self, Self::AnswerBroken | Self::AnswerLost | Self::Late(_))
    }
}

/// Edits records as an operator would, past every driver.
#[async_trait]
pub trait Operator: fmt::Debug + Send + Sync {
    /// Deletes the record.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// Empties the holder; where records have none, the same as [`delete`](Self::delete).
    async fn empty(&self, key: &Key) -> Result<()>;

    /// Writes another holder into the record, as another program would.
    async fn overwrite(&self, key: &Key, holder: &str, duration: Duration) -> Result<()>;

    /// Changes something that is none of dsync's business, such as a label. `false`: this store
    /// has nothing of the kind.
    async fn touch(&self, key: &Key) -> Result<bool>;

    /// What is left of `key` in the store, for people to read: records, leases, counters without
    /// an expiry. A released election may keep its record without a holder, which does not count.
    async fn left_over(&self, key: &Key) -> Result<Vec<String>>;
}

/// Stops and starts the server. Every method returns when the server is in that state.
#[async_trait]
pub trait ServerControl: fmt::Debug + Send + Sync {
    /// Kills it, without a chance to clean up.
    async fn kill(&self) -> Result<()>;

    /// Starts it again after a kill. What it had acknowledged is still there, if it ever is.
    async fn start(&self) -> Result<()>;

    /// Stops it for a while, as SIGSTOP does.
    async fn pause(&self) -> Result<()>;

    /// Lets it go on.
    async fn resume(&self) -> Result<()>;

    /// Puts another in its place that has not heard of the last writes, and returns when that one
    /// serves: a replica that is promoted, or nothing but a fresh start. What was acknowledged before
    /// the call is still there then, or nothing is. `false`: nobody here takes its place. It is only
    /// asked of a store whose tokens
    /// [survive](dsync::driver::Capabilities::token_survives_loss) that.
    async fn fail_over(&self) -> Result<bool> {
        Ok(false)
    }
}
