#![doc = include_str!("../README.md")]

mod classify;
mod cluster;
mod driver;
mod master;
mod names;
mod record;
mod scripts;
mod sentinels;
mod servers;
mod session;
mod topology;
mod watch;

pub use driver::RedisDriver;
/// The client library, for [`RedisDriver::new`].
pub use redis;
