//! The store: a folder with a file for each record, and a counter.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use dsync::Result;
use dsync::driver::{Key, Kind};

use super::error::{Stage, classify, damaged};
use super::record::Record;

#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path).map_err(|error| classify(Stage::Before, &path, error))?;
        Ok(Self(path))
    }

    /// Kind, namespace and the whole name, so that no two keys share a file.
    fn path(&self, key: &Key) -> PathBuf {
        let kind = match key.kind() {
            Kind::Election => "elections",
            Kind::Lock => "locks",
        };
        self.0.join(kind).join(key.namespace()).join(key.name())
    }

    /// The record as it is now. It needs no lock: records only ever change as a whole.
    pub(crate) fn read(&self, key: &Key) -> Result<Option<Record>> {
        let path = self.path(key);
        match fs::read_to_string(&path) {
            Ok(text) => Record::parse(&text).map(Some).ok_or_else(|| damaged(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(classify(Stage::Before, &path, error)),
        }
    }

    /// Waits until no other process writes, and keeps all of them out.
    pub(crate) fn lock(&self) -> Result<Locked<'_>> {
        let path = self.0.join("counter");
        let open = || {
            let mut options = File::options();
            let mut file =
                options.read(true).write(true).create(true).truncate(false).open(&path)?;
            file.lock()?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            Ok((file, text))
        };
        let (counter, text) = open().map_err(|error| classify(Stage::Before, &path, error))?;
        let last = match text.trim() {
            "" => 0,
            text => text.parse().map_err(|_| damaged(&path))?,
        };
        Ok(Locked { folder: self, counter, last })
    }
}

/// The only writer. Dropping it closes the counter, which unlocks the folder.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    folder: &'a Folder,
    counter: File,
    last: u64,
}

impl Locked<'_> {
    pub(crate) fn read(&self, key: &Key) -> Result<Option<Record>> {
        self.folder.read(key)
    }

    /// A number above `floor` and above all that were given out in this folder.
    pub(crate) fn next(&mut self, floor: u64) -> Result<u64> {
        let path = self.folder.0.join("counter");
        let next = self.last.max(floor).checked_add(1).ok_or_else(|| damaged(&path))?;
        // On the disk before it is used, or a power failure would bring it back. It always has
        // the same length, so it is never seen half.
        let mut write = || {
            self.counter.rewind()?;
            self.counter.write_all(format!("{next:020}\n").as_bytes())?;
            self.counter.sync_data()
        };
        write().map_err(|error| classify(Stage::Before, &path, error))?;
        self.last = next;
        Ok(next)
    }

    /// Replaces the record, all of it at once.
    pub(crate) fn put(&self, key: &Key, record: &Record) -> Result<()> {
        let (path, new) = (self.folder.path(key), self.folder.0.join("new"));
        let prepare = || {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
            let mut file = File::create(&new)?;
            file.write_all(record.text().as_bytes())?;
            file.sync_data()
        };
        prepare().map_err(|error| classify(Stage::Before, &new, error))?;
        fs::rename(&new, &path).map_err(|error| classify(Stage::Change, &path, error))
    }

    pub(crate) fn remove(&self, key: &Key) -> Result<()> {
        let path = self.folder.path(key);
        fs::remove_file(&path).map_err(|error| classify(Stage::Change, &path, error))
    }
}
