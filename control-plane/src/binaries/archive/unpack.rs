//! Unpacking the two programs, and nothing else.

use std::fs::{self, File, Permissions};
use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use flate2::read::GzDecoder;

use super::super::{Binaries, ETCD, KUBE_APISERVER};

/// Unpacks both programs to `places`. Neither appears under its final name before both are complete.
///
/// An entry is chosen by the last part of its path, as `setup-envtest` does, and the path to write to
/// does not come from the archive: an entry cannot be placed anywhere else. The unpacked size has no
/// limit, because the checksum of the archive has been verified.
pub(super) fn both(archive: File, places: &Binaries) -> Result<()> {
    let mut missing = vec![(KUBE_APISERVER, &places.kube_apiserver), (ETCD, &places.etcd)];
    let mut unpacked: Vec<(PathBuf, &Path)> = Vec::new();
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(archive)));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?;
        let name = path.file_name();
        let found = missing.iter().position(|(wanted, _)| name == Some((*wanted).as_ref()));
        let Some(found) = found.filter(|_| entry.header().entry_type().is_file()) else { continue };
        let (_, place) = missing.swap_remove(found);
        let unfinished = place.with_extension("unfinished");
        write(&mut entry, &unfinished)
            .with_context(|| format!("could not write {}", unfinished.display()))?;
        unpacked.push((unfinished, place));
    }
    if let Some((name, _)) = missing.first() {
        bail!("it contains no {name}");
    }
    for (unfinished, place) in unpacked {
        fs::rename(&unfinished, place)
            .with_context(|| format!("could not rename {}", unfinished.display()))?;
    }
    Ok(())
}

fn write(program: &mut impl io::Read, path: &Path) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut file = File::create(path)?;
    io::copy(program, &mut file)?;
    file.set_permissions(Permissions::from_mode(0o755))
}
