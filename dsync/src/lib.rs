//! dsync

pub mod driver;
mod error;
mod fence;

pub use async_trait::async_trait;

pub use self::driver::Driver;
pub use self::error::{Error, ErrorKind, Result};
pub use self::fence::{FenceGate, Fenced, FencingToken};
