//! Calls of Cargo and rustup from a program that Cargo itself has started.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace, where every command runs.
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

/// Whether Cargo has the subcommand `name`.
pub(crate) fn has(name: &str) -> bool {
    cargo([name, "--version"]).output().is_ok_and(|output| output.status.success())
}

fn program<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).envs(crate::protoc::environment());
    // `cargo run` describes this package to us. Passed on, it makes build scripts that look at it
    // run again, here and the next time that a person calls Cargo.
    for (name, _) in std::env::vars_os() {
        let described = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if described.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}
