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

/// The examples of the README of the workspace are compiled and run like any other.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct WorkspaceReadme;
