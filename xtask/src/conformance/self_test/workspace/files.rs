//! The files of the copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The contents of files, by their path below a common folder.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Files {
    pub(super) fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), text.into());
    }

    /// Adds everything in `from` but what is hidden, or made by a build.
    pub(super) fn add_folder(&mut self, from: &Path, place: &Path) -> Result<()> {
        for (path, kind) in entries(from)? {
            let Some(name) = path.file_name() else { continue };
            let place = place.join(name);
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if kind.is_dir() {
                if !path.join("CACHEDIR.TAG").exists() {
                    self.add_folder(&path, &place)?;
                }
            } else if kind.is_file() {
                let bytes = fs::read(&path);
                self.add(place, bytes.with_context(|| failed("read", &path))?);
            }
        }
        Ok(())
    }

    /// Changes the text of a file.
    pub(super) fn edit(
        &mut self,
        path: &Path,
        edit: impl FnOnce(&str) -> Result<String>,
    ) -> Result<()> {
        let bytes = self.0.get_mut(path).with_context(|| format!("no {}", path.display()))?;
        let text = std::str::from_utf8(bytes).with_context(|| failed("read", path))?;
        *bytes = edit(text)?.into_bytes();
        Ok(())
    }

    /// Makes `folder` have these files and no others. What is right already is not touched.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            self.remove_others(folder, Path::new(""))?;
        }
        for (path, bytes) in &self.0 {
            let path = folder.join(path);
            if fs::read(&path).is_ok_and(|now| now == *bytes) {
                continue;
            }
            let parent = path.parent().unwrap_or(folder);
            fs::create_dir_all(parent).with_context(|| failed("make", parent))?;
            fs::write(&path, bytes).with_context(|| failed("write", &path))?;
        }
        Ok(())
    }

    fn remove_others(&self, folder: &Path, place: &Path) -> Result<()> {
        for (path, kind) in entries(folder)? {
            let Some(name) = path.file_name() else { continue };
            let place = place.join(name);
            if kind.is_dir() {
                self.remove_others(&path, &place)?;
            } else if !self.0.contains_key(&place) {
                fs::remove_file(&path).with_context(|| failed("remove", &path))?;
            }
        }
        Ok(())
    }
}

pub(super) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| failed("read", path))
}

fn entries(folder: &Path) -> Result<Vec<(PathBuf, fs::FileType)>> {
    let list = || {
        fs::read_dir(folder)?
            .map(|entry| {
                let entry = entry?;
                Ok((entry.path(), entry.file_type()?))
            })
            .collect::<std::io::Result<_>>()
    };
    list().with_context(|| failed("list", folder))
}

fn failed(to: &str, path: &Path) -> String {
    format!("failed to {to} {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;

    #[test]
    fn only_what_has_changed_is_written() {
        let folder = Folder::new("files");
        let at = |name: &str| folder.path.join(name);
        let mut files = Files::default();
        files.add("a/same", "1");
        files.add("a/other", "1");
        files.add("gone", "1");
        files.write(&folder.path).unwrap();
        // An hour ago, so that a write shows.
        let before = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        for name in ["a/same", "a/other"] {
            fs::File::options().append(true).open(at(name)).unwrap().set_modified(before).unwrap();
        }
        let mut files = Files::default();
        files.add("a/same", "1");
        files.add("a/other", "2");
        files.write(&folder.path).unwrap();
        let modified = |name: &str| fs::metadata(at(name)).unwrap().modified().unwrap();
        assert_eq!(modified("a/same"), before);
        assert!(modified("a/other") > before);
        assert_eq!(read(&at("a/other")).unwrap(), "2");
        assert!(!at("gone").exists());
    }

    #[test]
    fn what_is_hidden_or_built_is_left_out() {
        let folder = Folder::new("files-of-a-crate");
        let mut crate_ = Files::default();
        crate_.add("src/lib.rs", "");
        crate_.add(".git/config", "");
        crate_.add("target/CACHEDIR.TAG", "");
        crate_.add("target/debug/x", "");
        crate_.write(&folder.path).unwrap();
        let mut files = Files::default();
        files.add_folder(&folder.path, Path::new("to")).unwrap();
        assert_eq!(files.0.into_keys().collect::<Vec<_>>(), [Path::new("to/src/lib.rs")]);
    }
}
