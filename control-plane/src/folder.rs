//! The folder of one control plane, which is removed with it.
//!
//! A killed process leaves its folder behind. A lock file in each folder shows which ones are in use: the
//! kernel releases a lock when its holder ends.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::environment;

const LOCK: &str = "owner.lock";
/// The name of the lock file in a folder that is kept for inspection.
const KEPT: &str = "kept";
const KEEP: &str = "DSYNC_KEEP_CLUSTER";

/// A folder that this process owns.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Creates a folder with a unique name under the target folder of the workspace.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn fresh() -> Result<Self> {
        let parent = environment::target_dir().join("control-planes");
        fs::create_dir_all(&parent)
            .with_context(|| format!("could not create {}", parent.display()))?;
        remove_abandoned(&parent);
        let path = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(&parent)
            .with_context(|| format!("could not create a folder in {}", parent.display()))?
            .keep();
        Self::own(path)
    }

    /// Creates the folder `path`. Files of an earlier control plane are removed.
    ///
    /// # Errors
    ///
    /// If it cannot be created, is in use, or contains other files than those of a control plane.
    pub fn at(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path)
            .with_context(|| format!("could not make {} absolute", path.display()))?;
        match state(&path) {
            State::Missing | State::Empty => {}
            State::Abandoned | State::Kept => fs::remove_dir_all(&path)
                .with_context(|| format!("could not remove the leftovers in {}", path.display()))?,
            State::InUse => bail!("{} is in use by another control plane", path.display()),
            State::Foreign => bail!(
                "{} contains files of something else than a control plane; name an empty folder",
                path.display()
            ),
        }
        fs::create_dir_all(&path)
            .with_context(|| format!("could not create {}", path.display()))?;
        Self::own(path)
    }

    fn own(path: PathBuf) -> Result<Self> {
        let lock = path.join(LOCK);
        let take = || {
            // Locked before it gets its name: otherwise another process could consider the folder
            // abandoned in the meantime.
            let unnamed = lock.with_extension("new");
            let file = File::create(&unnamed)?;
            file.lock()?;
            fs::rename(&unnamed, &lock)?;
            Ok::<_, std::io::Error>(file)
        };
        let file = take().with_context(|| format!("could not lock {}", lock.display()))?;
        Ok(Self { path, _lock: file })
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A failure leaves an abandoned folder, which the next start removes.
        let _ = if environment::non_empty(&environment::of_process, KEEP).is_some() {
            fs::rename(self.path.join(LOCK), self.path.join(KEPT))
        } else {
            fs::remove_dir_all(&self.path)
        };
    }
}

enum State {
    Missing,
    Empty,
    InUse,
    Abandoned,
    Kept,
    Foreign,
}

fn state(path: &Path) -> State {
    match File::open(path.join(LOCK)).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => return State::InUse,
        Ok(_) => return State::Abandoned,
        Err(_) => {}
    }
    if path.join(KEPT).exists() {
        return State::Kept;
    }
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => State::Empty,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::Missing,
        Ok(false) | Err(_) => State::Foreign,
    }
}

/// Removes the folders of killed processes. Errors are ignored, because another process may remove the
/// same folder at the same time.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if matches!(state(&entry.path()), State::Abandoned) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_left_alone_and_an_abandoned_one_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a");
        let folder = Folder::at(&path).unwrap();
        fs::write(path.join("data"), "x").unwrap();
        remove_abandoned(parent.path());
        assert!(path.join("data").exists());
        let error = Folder::at(&path).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");

        // What a killed process leaves: the files, without a holder of the lock.
        drop(folder);
        fs::create_dir(&path).unwrap();
        File::create(path.join(LOCK)).unwrap();
        let folder = Folder::at(&path).unwrap();
        assert!(!path.join("data").exists());
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "x").unwrap();
        let error = Folder::at(dir.path()).unwrap_err().to_string();
        assert!(error.contains("something else"), "{error}");
        assert!(dir.path().join("thesis.txt").exists());
    }
}
