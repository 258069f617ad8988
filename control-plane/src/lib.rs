//! A private Kubernetes control plane for tests: kube-apiserver and etcd as child processes on loopback,
//! with TLS and RBAC enabled, in a folder of their own.
//!
//! The cases that matter to a lease are those that a stand-in gets wrong: a conflict, a restart in the
//! middle of a request, a server that hangs, a missing permission. The tests therefore use the real
//! servers. `cargo xtask cluster up` starts the same control plane for use by hand.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use control_plane::{ControlPlane, Options};
//!
//! let mut control_plane = ControlPlane::start(Options::default())?;
//! println!("{} at {}", control_plane.version(), control_plane.kubeconfig().display());
//! control_plane.kill_api_server()?;
//! control_plane.start_api_server()?;
//! # Ok(())
//! # }
//! ```
//!
//! All calls block; async code calls them through `spawn_blocking`. The servers end when the
//! [`ControlPlane`] is dropped, and also when the process that owns it is killed with SIGKILL.

// A tool for the workspace, not a part of the product: it waits for other processes, which takes a real
// clock and real sleeps, and it reports its progress on stderr.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod api_server;
pub mod binaries;
pub mod child_guard;
mod client;
mod cluster;
mod environment;
mod etcd;
pub mod folder;
mod kubeconfig;
mod log_tail;
mod options;
pub mod pki;
pub mod ports;
pub mod wait;

pub use client::{Client, Response};
pub use cluster::ControlPlane;
pub use environment::{Environment, target_dir};
pub use options::Options;
