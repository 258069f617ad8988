//! Starts a control plane, tells the pids of its servers, and holds on to it
//! until stdin ends. For a look at one by hand, and for the test that kills its
//! owner.

// Printing is what it's for.
#![allow(clippy::print_stdout)]

use std::io::Read as _;

use control_plane::{ControlPlane, Options};

fn main() -> anyhow::Result<()> {
    let control_plane = ControlPlane::start(Options::default())?;
    let pids = [control_plane.api_server_pid(), control_plane.etcd_pid()];
    let pids: Vec<String> = pids.iter().flatten().map(ToString::to_string).collect();
    println!("{}", pids.join(" "));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
