#![doc = include_str!("../README.md")]

mod classify;
mod driver;
mod leases;
mod options;
mod record;
mod revoker;
mod session;
mod verbs;
mod version;
mod watch;

pub use driver::EtcdDriver;
pub use options::EtcdOptions;
