//! The folder of one control plane, removed with it.
//!
//! Killed processes leave theirs behind. A lock file in each folder tells those
//! from the ones in use: the kernel lets go of a lock when its holder ends.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::environment;

const LOCK: &str = "owner.lock";
/// What the lock file is renamed to in a folder that's kept for a look at it.
const KEPT: &str = "kept";
const KEEP: &str = "DSYNC_KEEP_CLUSTER";

/// A folder that this process owns.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// A fresh one with a name of its own.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
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

    /// The one named, emptied if an earlier control plane left things there.
    ///
    /// # Errors
    ///
    /// If it cannot be made, is in use, or holds files of somebody else.
    pub fn at(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path)
            .with_context(|| format!("could not make {} absolute", path.display()))?;
        match state(&path) {
            State::Missing | State::Empty => {}
            State::Abandoned | State::Kept => fs::remove_dir_all(&path)
                .with_context(|| format!("could not remove the leftovers in {}", path.display()))?,
            State::InUse => bail!("{} is in use by another control plane", path.display()),
            State::Foreign => bail!(
                "{} holds files that are no control plane's; name an empty folder",
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
            // Locked before it gets its name, lest another process takes the
            // folder for abandoned in between.
            let unnamed = lock.with_extension("new");
            let file = File::create(&unnamed)?;
            file.lock()?;
            fs::rename(&unnamed, &lock)?;
            Ok::<_, std::io::Error>(file)
        };
        let file = take().with_context(|| format!("could not lock {}", lock.display()))?;
        Ok(Self { path, _lock: file })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody to tell if it fails; the next start tries again.
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

/// Removes what killed processes left. Best effort: another process may be
/// doing the same.
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
    fn files_of_someone_else_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "x").unwrap();
        let error = Folder::at(dir.path()).unwrap_err().to_string();
        assert!(error.contains("no control plane's"), "{error}");
        assert!(dir.path().join("thesis.txt").exists());
    }
}
