//! Where the answers of the process's environment come from.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Looks up an environment variable. A function, so that a test can stand in
/// for the environment, which is one for the whole process and unsafe to change.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Looks up `name`, taking an empty value for none, as shells do.
pub(crate) fn non_empty(environment: Environment<'_>, name: &str) -> Option<OsString> {
    environment(name).filter(|value| !value.is_empty())
}

/// The real environment of this process.
pub(crate) fn of_process(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The folder Cargo builds the workspace into, which is where short-lived files
/// belong: ignored by git, gone with `cargo clean`.
#[must_use]
pub fn target_dir() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.parent().unwrap_or(root);
    match non_empty(&of_process, "CARGO_TARGET_DIR") {
        // Cargo takes a relative one from where it was called. A test runs in
        // its package's folder instead, so the workspace's root is the best guess.
        Some(dir) => root.join(dir),
        None => root.join("target"),
    }
}
