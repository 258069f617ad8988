//! Servers for tests: one that somebody names by URL, or one that is started here.
//!
//! | way | what it takes | what can be done to it |
//! |---|---|---|
//! | `url` | `DSYNC_TEST_REDIS=redis://…`, `DSYNC_TEST_ETCD=etcd://…` | nothing: it is somebody else's |
//! | `docker` | a Docker engine of this machine, and an image: `DSYNC_TEST_REDIS_IMAGE`, `DSYNC_TEST_ETCD_IMAGE`, else that of the project, pulled | kill, start, pause, resume, forget |
//! | `binary` | `redis-server` on PATH; `etcd` on PATH, or that of the control plane | the same |
//!
//! The first that is there is used. `DSYNC_TEST_WAY` allows one alone. What is started here listens
//! on loopback only, on a port of its own, and ends with the value, and also when the process that
//! owns it is killed outright.

// A tool for the workspace, not a part of the product: it waits for other processes, which takes a
// real clock and real sleeps. Tests that do not run say so loudly.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod certificates;
pub mod docker;
pub mod etcd;
mod outcomes;
mod program;
pub mod redis;
mod running;
mod server;
pub mod trials;
mod way;

pub use self::certificates::Certificates;
pub use self::etcd::{EtcdOptions, etcd, etcd_own};
pub use self::redis::{RedisOptions, redis, redis_own};
pub use self::server::Server;
pub use self::way::Way;
