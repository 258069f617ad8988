//! The store: a folder with a file for each record, and a counter.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

use dsync::Result;
use dsync::driver::{Key, KeyKind};

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
            KeyKind::Election => "elections",
            KeyKind::Lock => "locks",
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

    /// Waits until no other process writes, and excludes all others.
    pub(crate) fn lock(&self, key: &Key) -> Result<Locked> {
        let path = self.0.join("counter");
        let open = || {
            let mut counter =
                File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
            counter.lock()?;
            let mut text = String::new();
            counter.read_to_string(&mut text)?;
            Ok((counter, text))
        };
        let (counter, text) = open().map_err(|error| classify(Stage::Before, &path, error))?;
        let last = if text.is_empty() { Ok(0) } else { text.trim().parse() };
        let last = last.map_err(|_| damaged(&path))?;
        Ok(Locked { record: self.path(key), new: self.0.join("new"), counter, last })
    }
}

/// The only writer, of one record. Dropping it closes the counter, which ends the lock.
#[derive(Debug)]
pub(crate) struct Locked {
    record: PathBuf,
    new: PathBuf,
    counter: File,
    last: u64,
}

impl Locked {
    /// A number above `floor` and above all that were given out in this folder.
    pub(crate) fn next(&mut self, floor: u64) -> Result<u64> {
        let next = self.last.max(floor).checked_add(1).ok_or_else(|| damaged(&self.record))?;
        // On the disk before it is used, or a power failure would bring it back. Its length never
        // changes, so it is never there by half.
        let mut write = || {
            self.counter.rewind()?;
            self.counter.write_all(format!("{next:020}\n").as_bytes())?;
            self.counter.sync_data()
        };
        write().map_err(|error| classify(Stage::Before, &self.record, error))?;
        self.last = next;
        Ok(next)
    }

    /// Replaces the record, all of it at once.
    pub(crate) fn put(&self, record: &Record) -> Result<()> {
        let prepare = || {
            fs::create_dir_all(self.record.parent().unwrap_or(&self.new))?;
            let mut file = File::create(&self.new)?;
            file.write_all(record.text().as_bytes())?;
            file.sync_data()
        };
        prepare().map_err(|error| classify(Stage::Before, &self.record, error))?;
        let replaced = fs::rename(&self.new, &self.record);
        replaced.map_err(|error| classify(Stage::Change, &self.record, error))
    }

    pub(crate) fn remove(&self) -> Result<()> {
        let removed = fs::remove_file(&self.record);
        removed.map_err(|error| classify(Stage::Change, &self.record, error))
    }
}
