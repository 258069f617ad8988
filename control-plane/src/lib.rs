//! A real Kubernetes control plane, just for you: kube-apiserver and etcd as
//! child processes on loopback, with TLS and RBAC on, in a folder of their own.
//!
//! A lease is only as good as the API server that keeps it, and the cases that
//! matter (a conflict, a restart in mid-request, a server that hangs, a missing
//! permission) are the ones a stand-in gets wrong. So the tests use the real
//! one, and people without a cluster can too: `cargo xtask cluster up`.
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
//! Everything blocks; from async code, call it through `spawn_blocking`. The
//! servers end with the value, and also when the process that owns it is killed
//! outright.

// A tool for the workspace, not a part of the product: it waits for other
// processes, which takes a real clock and real sleeps, and it tells people what
// it does meanwhile.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod api_server;
pub mod binaries;
mod client;
mod cluster;
mod environment;
mod etcd;
pub mod folder;
mod kubeconfig;
pub mod leash;
mod log_tail;
mod options;
pub mod pki;
pub mod ports;
pub mod wait;

pub use client::{Client, Response};
pub use cluster::ControlPlane;
pub use environment::{Environment, target_dir};
pub use options::Options;
