//! The errors of the store as those of dsync.

use std::io;
use std::path::Path;

use dsync::{Error, ErrorKind};

/// How far a call had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No record was touched.
    Before,
    /// The record was about to change.
    Change,
}

/// Every error of the file system comes through here.
pub(crate) fn classify(stage: Stage, path: &Path, error: io::Error) -> Error {
    let (kind, advice) = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "; let this process read and write there")
        }
        io::ErrorKind::Unsupported => {
            (ErrorKind::Unsupported, "; use a folder on a local disk, whose files can be locked")
        }
        _ => (ErrorKind::Unavailable, ""),
    };
    let message = format!("{}: {error}{advice}", path.display());
    match stage {
        Stage::Before => Error::definite(kind, message).with_source(error),
        Stage::Change => Error::ambiguous(kind, message).with_source(error),
    }
}

/// A file whose content is not a record, or not yet: it may be edited right now.
pub(crate) fn damaged(path: &Path) -> Error {
    let message = format!("{} is damaged; mend it, or delete it", path.display());
    Error::definite(ErrorKind::Unavailable, message)
}
