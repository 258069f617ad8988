//! A TCP proxy that injects network faults, in real time.
//!
//! It stands between a driver and its server: see [`Via::Proxy`](crate::harness::Via::Proxy).

mod connection;
mod door;
mod exchange;
mod fault;
mod lane;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use self::fault::{Direction, Fault};
pub use self::state::Counts;
use self::state::Shared;

/// A proxy on a free port of the loopback interface, which forwards each connection to one server
/// and applies the fault that is set. Dropping it closes its connections and ends its tasks.
///
/// ```
/// use dsync_conformance::proxy::{Direction, Fault, Proxy};
///
/// # async fn example(server: std::net::SocketAddr) -> std::io::Result<()> {
/// let proxy = Proxy::start(server).await?;
/// println!("connect to {}", proxy.address());
/// proxy.set(Fault::Hold(Direction::Answers)); // Requests are applied; their answers are held back.
/// proxy.heal();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ends its tasks when it is dropped.
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Listens on a free port of `127.0.0.1`, and forwards to `upstream`. Must be called within a
    /// tokio runtime, on which it then runs.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is left behind.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(upstream));
        let mut tasks = JoinSet::new();
        tasks.spawn(door::keep(listener, address, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens. The same for as long as it lives.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards to another server from now on, as a name that is moved. Connections that are open are
    /// reset.
    pub fn forward_to(&self, upstream: SocketAddr) {
        self.shared.forward_to(upstream);
    }

    /// Makes a fault, beside those that are there. It holds for connections that are open and for
    /// later ones, until [`heal`](Self::heal), unless the fault says otherwise.
    pub fn set(&self, fault: Fault) {
        self.shared.set(fault);
    }

    /// Ends all faults: what was held back flows on at once.
    pub fn heal(&self) {
        self.shared.heal();
    }

    /// What has passed so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }
}
