#![doc = include_str!("../README.md")]

mod answer;
mod cache;
mod classify;
mod clock;
mod connect;
mod driver;
mod record;
mod requests;
mod session;
mod sweep;
mod verbs;
mod watch;

pub use self::driver::KubeDriver;
pub use self::sweep::Swept;
