//! Packages all published crates in their current state.
//!
//! All crates are packaged in one call. Cargo then treats those that other crates depend on as
//! published: it takes them from a temporary registry in the target directory. Cargo assumes that
//! a version in a registry never changes, so it unpacks and compiles each version only once.
//! The crates of the workspace do change, so the results of the previous run must be removed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::metadata::Metadata;
use crate::cargo::cargo;

/// Removes the results of the previous run, and returns the command that packages and builds every
/// published crate.
pub(super) fn command(metadata: &Metadata) -> Result<Command> {
    let target = control_plane::target_dir().join("packaging");
    remove(&target)?;
    let names: Vec<_> = metadata.published().map(|p| format!("{}-{}", p.name, p.version)).collect();
    forget(&cargo_home()?.join("registry/src"), &names)?;

    let mut command = cargo(["package", "--locked", "--allow-dirty", "--target-dir"]);
    command.arg(target);
    for package in metadata.published() {
        command.args(["-p", &package.name]);
    }
    Ok(command)
}

/// Removes the directories `names` of all temporary registries in target directories. Such a
/// registry has no host, so the name of its directory begins with the dash before the hash.
fn forget(unpacked: &Path, names: &[String]) -> Result<()> {
    let registries = match std::fs::read_dir(unpacked) {
        Ok(registries) => registries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context(format!("failed to list {}", unpacked.display())),
    };
    for registry in registries {
        let registry =
            registry.with_context(|| format!("failed to list {}", unpacked.display()))?;
        if registry.file_name().to_string_lossy().starts_with('-') {
            for name in names {
                remove(&registry.path().join(name))?;
            }
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).context(format!("failed to remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = std::env::home_dir().context("neither CARGO_HOME nor HOME is set")?;
    Ok(home.join(".cargo"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;

    #[test]
    fn only_what_a_target_folder_has_published_is_forgotten() {
        let unpacked = Folder::new("unpacked");
        let folder = |name: &str| unpacked.path.join(name);
        for name in ["-0123/dsync-0.1.0/src", "-0123/serde-1.0.0", "index.crates.io-4/dsync-0.1.0"]
        {
            std::fs::create_dir_all(folder(name)).unwrap();
        }

        forget(&unpacked.path, &["dsync-0.1.0".to_owned()]).unwrap();

        assert!(!folder("-0123/dsync-0.1.0").exists());
        assert!(folder("-0123/serde-1.0.0").exists());
        assert!(folder("index.crates.io-4/dsync-0.1.0").exists());
        forget(&folder("none"), &[]).unwrap();
    }
}
