//! Starts a control plane, prints the pids of its servers, and keeps it until stdin ends. It serves to
//! try a control plane by hand, and the test that kills the owner of one.

// The pids are the output of the program.
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
