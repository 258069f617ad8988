//! What [`find`](super::find) would do, without doing it.

use anyhow::Result;

use super::{Archive, Binaries, Cache, from_assets, from_path, go};
use crate::environment::{Environment, of_process};

/// How the programs of a control plane can be obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// `KUBEBUILDER_ASSETS`, `PATH` or the cache has them.
    Found(Binaries),
    /// The server at this URL has the archive.
    Download(String),
    /// A Go toolchain of this version can build them.
    Build(String),
    /// None of these. The text says why, in one line.
    Missing(String),
}

/// Returns what [`find`](super::find) would do on this machine.
///
/// The call downloads and builds nothing and changes no file. If the programs are not found, it asks
/// the server of the archive whether it has the archive, which takes at most about 8 seconds; a closed
/// network takes at most 5.
///
/// A plan can still fail when it is carried out: the download can break off, and a build needs the Go
/// module proxy.
///
/// # Errors
/// When a variable names what cannot be used: `KUBEBUILDER_ASSETS` a folder without the programs,
/// `DSYNC_ENVTEST_URL` no URL, or `DSYNC_CACHE_DIR` a relative path.
pub fn plan() -> Result<Plan> {
    plan_in(&of_process, &Archive::of_this_platform(&of_process)?)
}

pub(super) fn plan_in(environment: Environment<'_>, archive: &Archive) -> Result<Plan> {
    if let Some(binaries) = from_assets(environment)? {
        return Ok(Plan::Found(binaries));
    }
    let found = from_path(environment).ok();
    let cache = Cache::locate(environment)?;
    if let Some(binaries) = found.or_else(|| cache.binaries()) {
        return Ok(Plan::Found(binaries));
    }
    let closed = match archive.probe() {
        Ok(()) => return Ok(Plan::Download(archive.url().to_owned())),
        Err(error) => error,
    };
    Ok(match go::Toolchain::find(environment) {
        Ok(go) => Plan::Build(go.version().to_owned()),
        Err(no_go) => Plan::Missing(format!("{closed:#}; {no_go:#}")),
    })
}
