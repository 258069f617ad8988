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
    /// Starts a proxy that listens on a free port of `127.0.0.1` and forwards to `upstream`. Must be
    /// called within a tokio runtime, on which it then runs.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is free.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(upstream));
        let mut tasks = JoinSet::new();
        tasks.spawn(door::keep(listener, address, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Returns the address on which the proxy listens. It never changes.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards to another server from now on, as after a change in DNS. Open connections are reset.
    pub fn forward_to(&self, upstream: SocketAddr) {
        self.shared.forward_to(upstream);
    }

    /// Adds a fault to those that are set. It applies to open connections and to later ones until
    /// [`heal`](Self::heal), unless the fault ends by itself.
    pub fn set(&self, fault: Fault) {
        self.shared.set(fault);
    }

    /// Ends all faults. Bytes that were held back are forwarded at once.
    pub fn heal(&self) {
        self.shared.heal();
    }

    /// Returns what has passed so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }
}
