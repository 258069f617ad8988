#![doc = include_str!("../README.md")]

mod classify;
mod cluster;
mod driver;
mod master;
mod names;
mod place;
mod record;
mod scripts;
mod sentinels;
mod servers;
mod session;
mod watch;

pub use driver::RedisDriver;
/// The client, for those who make one themselves.
pub use redis;
