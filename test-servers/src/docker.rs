//! Servers in containers, started through `testcontainers`.
//!
//! A container shares the network of this machine and finds the folder of its server at the same
//! path. A server therefore gets the same arguments as outside of a container, and listens on
//! loopback as well.
//!
//! A container is removed with its value. If the process is killed outright, its container goes on
//! until another process starts its first container: that start removes the containers
//! whose owners are gone.

mod abandoned;
mod blocking;
mod container;
mod engine;
mod image;
mod import;
mod owner;
mod reference;

pub(crate) use self::container::Container;
pub use self::engine::engine;
pub(crate) use self::image::Image;
pub use self::import::import;
