#![doc = include_str!("../README.md")]

mod classify;
mod driver;
mod names;
mod record;
mod scripts;
mod session;
mod watch;

pub use driver::RedisDriver;
