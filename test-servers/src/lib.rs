//! Servers for tests: one that somebody names by URL, or one that is started here.
//!
//! | way | asked for by | what can be done to it |
//! |---|---|---|
//! | a URL | `DSYNC_TEST_REDIS=redis://…` | nothing: it is somebody else's |
//! | a URL | `DSYNC_TEST_ETCD=etcd://…` | nothing |
//! | a program | `redis-server` on PATH; `etcd` on PATH, or that of the control plane | kill, start, pause, resume, forget |
//!
//! The first that is there is used. `DSYNC_TEST_WAY=url` or `binary` allows one alone. What is
//! started here listens on loopback only, on a port of its own, and ends with the value, and also
//! when the process that owns it is killed outright.

// A tool for the workspace, not a part of the product: it waits for other processes, which takes a
// real clock and real sleeps.
#![allow(clippy::disallowed_methods)]

pub mod etcd;
mod program;
pub mod redis;
mod server;
mod way;

pub use self::etcd::{EtcdOptions, etcd, etcd_binary};
pub use self::redis::{RedisOptions, redis, redis_binary};
pub use self::server::Server;
pub use self::way::Way;
