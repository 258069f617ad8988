//! Environment variables, and the folders that they name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Looks up an environment variable. It is a function so that a test can replace the environment, which
/// belongs to the whole process and is unsafe to change.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Looks up `name`. An empty value counts as unset, as in shells.
pub(crate) fn non_empty(environment: Environment<'_>, name: &str) -> Option<OsString> {
    environment(name).filter(|value| !value.is_empty())
}

/// Looks up `name` in the environment of this process.
pub(crate) fn of_process(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Returns the folder that Cargo builds the workspace into. Short-lived files belong there: git ignores
/// it, and `cargo clean` removes it.
#[must_use]
pub fn target_dir() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.parent().unwrap_or(root);
    match non_empty(&of_process, "CARGO_TARGET_DIR") {
        // A relative path is relative to the folder that Cargo was called in. A test runs in the folder
        // of its package and does not know that one, so the root of the workspace is the best guess.
        Some(dir) => root.join(dir),
        None => root.join("target"),
    }
}
