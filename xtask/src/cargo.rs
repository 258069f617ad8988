//! Calls to Cargo and rustup from a program that Cargo itself started.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the root of the workspace, in which every command runs.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

pub(crate) fn rustup<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    program("rustup", args)
}

/// Returns whether Cargo has the subcommand `name`.
pub(crate) fn has(name: &str) -> bool {
    cargo([name, "--version"]).output().is_ok_and(|output| output.status.success())
}

fn program<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).envs(crate::protoc::environment());
    // `cargo run` sets variables that describe this package. If they were passed on, build scripts
    // that depend on them would run again, both here and in the next ordinary Cargo build.
    for (name, _) in std::env::vars_os() {
        let described = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if described.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}
