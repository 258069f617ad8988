//! Redis and etcd servers for tests: named by a URL, or started by the test.
//!
//! | way | needs | the test can |
//! |---|---|---|
//! | `url` | `DSYNC_TEST_REDIS=redis://…`, `DSYNC_TEST_ETCD=etcd://…` | only use it |
//! | `docker` | a Docker engine on this machine, and an image: `DSYNC_TEST_REDIS_IMAGE`, `DSYNC_TEST_ETCD_IMAGE`, else that of the two projects, pulled | kill, start, pause, resume and empty it |
//! | `binary` | `redis-server` on PATH; `etcd` on PATH, or that of the control plane | the same |
//!
//! The first way that works is used. `DSYNC_TEST_WAY` allows one way alone. A server that a test starts
//! listens on a free port of loopback, and ends when its value is dropped.
//!
//! If the test's process is killed outright, a program ends at once. A container is removed by the next
//! process that starts one: its labels name the process that owns it.

// A tool of the workspace, not a part of the product: it waits for other processes, which takes a
// real clock and real sleeps. Tests that do not run print why.
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::print_stdout)]

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
