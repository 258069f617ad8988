//! What the suite needs to know about a store, beyond a driver for it.

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

/// Makes a harness for a test, or returns the one that all tests share.
pub(crate) type Stores = Arc<dyn Fn() -> Arc<dyn Harness> + Send + Sync>;

/// A store under test.
///
/// Only [`connect`](Self::connect) is required. Each other method makes more rules testable, and the
/// report names the ones that were missing.
#[async_trait]
pub trait Harness: fmt::Debug + Send + Sync + 'static {
    /// Returns a driver with a connection of its own, as another process would have.
    ///
    /// All drivers reach the same store. The suite calls this method often: once for each candidate
    /// of each case.
    ///
    /// # Errors
    ///
    /// Returns an error if the driver cannot be built or cannot reach the store.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future must leave no connection behind.
    async fn connect(&self, via: Via) -> Result<Arc<dyn Driver>>;

    /// Returns the server and its version for the report, such as `"kube-apiserver v1.37.2"`.
    fn server(&self) -> Option<String> {
        None
    }

    /// Returns the address on which the server listens, so that the suite can put a proxy that
    /// injects network faults in front of it.
    fn address(&self) -> Option<SocketAddr> {
        None
    }

    /// Returns an operator, which edits records without going through a driver.
    fn operator(&self) -> Option<Arc<dyn Operator>> {
        None
    }

    /// Returns the control that stops and starts the server.
    fn server_control(&self) -> Option<Arc<dyn ServerControl>> {
        None
    }

    /// The path to a store in memory, on which single writes can fail. A store with an
    /// [`address`](Self::address) does not need it: the proxy makes these faults there.
    fn wire(&self) -> Option<Arc<dyn Wire>> {
        None
    }

    /// Returns the environment variables with which another process that runs the same `main` builds
    /// a harness for the same store.
    ///
    /// `None` means that the store lives in this process or that no such environment is known. The
    /// suite then starts no candidates in processes of their own.
    fn environment(&self) -> Option<Vec<(String, String)>> {
        None
    }
}

/// How a driver reaches the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Directly, as in production.
    Direct,
    /// Through a proxy at this address, which forwards to [`Harness::address`].
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

/// Edits records the way an operator would: in the store, without going through a driver.
///
/// Every method returns an error if the edit failed or its outcome is unknown; the suite then tries
/// again.
#[async_trait]
pub trait Operator: fmt::Debug + Send + Sync {
    /// Deletes the record.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// Removes the holder from the record. In a store whose records always have a holder, this is the
    /// same as [`delete`](Self::delete).
    async fn empty(&self, key: &Key) -> Result<()>;

    /// Writes another holder into the record, as a different program would.
    async fn overwrite(&self, key: &Key, holder: &str, duration: Duration) -> Result<()>;

    /// Changes a part of the record that dsync does not use, such as a label. Returns `false` if
    /// records of this store have no such part.
    async fn touch(&self, key: &Key) -> Result<bool>;

    /// Lists what the store still holds for `key`, in words for a message: records, leases, and
    /// counters without an expiry. The record without a holder that a released election may keep
    /// does not count.
    async fn left_over(&self, key: &Key) -> Result<Vec<String>>;
}

/// Stops and starts the server.
///
/// Every method returns once the server has reached the requested state, and returns an error if it
/// could not be reached.
#[async_trait]
pub trait ServerControl: fmt::Debug + Send + Sync {
    /// Kills the server without giving it a chance to clean up.
    async fn kill(&self) -> Result<()>;

    /// Starts the server again after a kill. It has its acknowledged writes again, if the store is
    /// durable.
    async fn start(&self) -> Result<()>;

    /// Suspends the server, as SIGSTOP does.
    async fn pause(&self) -> Result<()>;

    /// Resumes a suspended server.
    async fn resume(&self) -> Result<()>;

    /// Replaces the server with one that lacks its latest writes, and returns once the replacement
    /// serves requests.
    ///
    /// The replacement is a promoted replica, or a server that starts empty. It has either all writes
    /// that were acknowledged before the call, or none. Returns `false` if this harness has no
    /// replacement. The suite calls this method only for a store whose tokens
    /// [survive](dsync::driver::Capabilities::token_survives_loss) lost writes.
    async fn fail_over(&self) -> Result<bool> {
        Ok(false)
    }
}
