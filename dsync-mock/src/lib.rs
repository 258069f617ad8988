//! An in-memory [`Driver`](dsync::Driver) for tests: no cluster, virtual time, faults on demand.
//!
//! [`MockDriver`] is a store and a connection to it. Clone it for every replica under test, and
//! use any clone to look into the store or to make something go wrong: a partition, a lost
//! answer, a write that lands late, a forced leader, a deleted record.
//!
//! ```
//! use std::time::Duration;
//!
//! use dsync::driver::{Acquired, Claim, Holder, KeyKind, Nonce, Verb};
//! use dsync::{Driver, Resource};
//! use dsync_mock::MockDriver;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> dsync::Result<()> {
//! let store = MockDriver::new();
//! let (a, b) = (store.client("pod-a"), store.client("pod-b"));
//! let key = Resource::new("token-manager").with_scope("billing").key(KeyKind::Election);
//! let claim = |name, nonce| Claim::new(Holder::new(name, Nonce::new(nonce)), Duration::from_secs(15));
//!
//! assert!(matches!(a.acquire(&key, &claim("pod-a", 1)).await?, Acquired::Won(_)));
//! assert!(matches!(b.acquire(&key, &claim("pod-b", 2)).await?, Acquired::Held(_)));
//! assert_eq!(store.holder(&key).as_deref(), Some("pod-a"));
//! assert_eq!(store.count(Verb::Acquire), 2);
//!
//! tokio::time::sleep(Duration::from_secs(15)).await; // takes no time: the clock is paused
//! assert!(matches!(b.acquire(&key, &claim("pod-b", 3)).await?, Acquired::Won(_)));
//! # Ok(())
//! # }
//! ```
//!
//! It obeys the contract of [`Driver`](dsync::Driver), also while a leader is
//! [forced](MockDriver::force_leader) and under every fault of the network. The controls that
//! break it are called *record loss* where they are described.

mod clock;
mod connection;
mod control;
mod log;
mod mock;
mod network;
mod operation;
mod record;
mod records;
mod store;
mod unfold;
mod watch;

pub use self::log::{Outcome, Request};
pub use self::mock::MockDriver;
pub use self::network::Cut;
