#![doc = include_str!("../README.md")]

mod config;
pub mod driver;
mod dsync;
mod election;
pub mod env;
mod error;
mod fence;
mod keeper;
mod key;
mod lock;
mod monitor;
mod names;
mod observer;
mod resource;
mod tenure;
mod term;
mod timing;
mod verb;

pub use async_trait::async_trait;

pub use self::config::Config;
pub use self::driver::Driver;
pub use self::dsync::Dsync;
pub use self::election::Election;
pub use self::error::{Error, ErrorKind, Result};
pub use self::fence::{FenceGate, FencingToken, StaleToken};
pub use self::lock::{Lock, LockGuard};
pub use self::monitor::MonitorEvent;
pub use self::observer::{Observed, Observer};
pub use self::resource::Resource;
pub use self::term::{EndCause, Term};
pub use self::timing::Timing;
