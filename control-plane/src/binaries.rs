//! Finding kube-apiserver and etcd, downloading them, or building them.
//!
//! The places are tried in this order, and each is reported with its outcome:
//!
//! 1. the folder that `KUBEBUILDER_ASSETS` names, as for Go's envtest,
//! 2. `PATH`,
//! 3. the cache folder, with what an earlier run downloaded or built,
//! 4. the envtest archive of a Kubernetes release, checked against a pinned checksum,
//! 5. a build from the published Go modules, with any Go toolchain from Go 1.13 on.
//!
//! `DSYNC_ENVTEST_URL` names a mirror of the archive. It replaces
//! `https://github.com/kubernetes-sigs/controller-tools/releases/download`, and the rest of the path
//! stays: `/envtest-vX.Y.Z/envtest-vX.Y.Z-OS-ARCH.tar.gz`. `HTTPS_PROXY` and `NO_PROXY` are honoured.

mod archive;
mod cache;
mod go;
mod plan;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use crate::environment::{Environment, non_empty, of_process};
use archive::Archive;
use cache::Cache;
pub use plan::{Plan, plan};

/// The release of Kubernetes that a build with Go makes.
pub const KUBERNETES_VERSION: &str = "1.37.2";
/// The release of etcd that a build with Go makes.
pub const ETCD_VERSION: &str = "3.7.3";

const ASSETS: &str = "KUBEBUILDER_ASSETS";
const KUBE_APISERVER: &str = "kube-apiserver";
const ETCD: &str = "etcd";
const CHOICES: &str = "\
to run a control plane, do one of these:
  - set KUBEBUILDER_ASSETS to a folder that holds kube-apiserver and etcd
  - put kube-apiserver and etcd on PATH
  - allow HTTPS to github.com, or set DSYNC_ENVTEST_URL to a mirror of the releases of
    kubernetes-sigs/controller-tools, or HTTPS_PROXY to a proxy
  - install Go, 1.13 or newer; both are then built from their published modules, once:
    `apt-get install golang-go`, `dnf install golang` or `brew install go`";

/// The programs of a control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Where kube-apiserver is.
    pub kube_apiserver: PathBuf,
    /// Where etcd is.
    pub etcd: PathBuf,
}

/// Finds the programs, downloads them, or builds them. A build takes minutes; it is done once.
///
/// # Errors
/// When no place has them and they can be neither downloaded nor built. The error names what failed and
/// lists the choices.
pub fn find(report: fn(&str)) -> Result<Binaries> {
    find_in(&of_process, &Archive::of_this_platform(&of_process)?, report)
}

fn find_in(environment: Environment<'_>, archive: &Archive, report: fn(&str)) -> Result<Binaries> {
    if let Some(binaries) = from_assets(environment)? {
        report(&format!("using kube-apiserver and etcd from {ASSETS}"));
        return Ok(binaries);
    }
    match from_path(environment) {
        Ok(binaries) => {
            report(&format!(
                "using {} and {} from PATH",
                binaries.kube_apiserver.display(),
                binaries.etcd.display()
            ));
            return Ok(binaries);
        }
        Err(missing) => report(&format!("{ASSETS} is not set; {missing}")),
    }
    let cache = Cache::locate(environment)?;
    let from_cache = || {
        cache.binaries().inspect(|binaries| {
            let (kube_apiserver, etcd) = (&binaries.kube_apiserver, &binaries.etcd);
            report(&format!("using {} and {}", kube_apiserver.display(), etcd.display()));
        })
    };
    if let Some(binaries) = from_cache() {
        return Ok(binaries);
    }
    report(&format!("the cache {} does not have both", cache.path().display()));
    let locked = cache.lock(report)?;
    // Another process may have filled the cache while this one waited for the lock.
    if let Some(binaries) = from_cache() {
        return Ok(binaries);
    }
    let download = match locked.download(archive, report) {
        Ok(binaries) => return Ok(binaries),
        Err(error) => format!("{error:#}"),
    };
    report(&download);
    let go = go::Toolchain::find(environment)
        .map_err(|error| anyhow!("{download}; {error:#}; {CHOICES}"))?;
    report(&format!("building them with {}, once; this takes some minutes", go.version()));
    locked.build(&go.new_enough(report)?, report)
}

fn from_assets(environment: Environment<'_>) -> Result<Option<Binaries>> {
    let Some(dir) = non_empty(environment, ASSETS).map(PathBuf::from) else { return Ok(None) };
    let program = |name| {
        let path = dir.join(name);
        // The servers run in another folder, where a relative path means something else.
        let path = std::path::absolute(&path).unwrap_or(path);
        if is_program(&path) {
            Ok(path)
        } else {
            Err(anyhow!("{ASSETS} is set, but {} is missing or not executable", path.display()))
        }
    };
    Ok(Some(Binaries { kube_apiserver: program(KUBE_APISERVER)?, etcd: program(ETCD)? }))
}

/// Returns both from `PATH`, or which of them it lacks.
fn from_path(environment: Environment<'_>) -> Result<Binaries, String> {
    match (on_path(environment, KUBE_APISERVER), on_path(environment, ETCD)) {
        (Some(kube_apiserver), Some(etcd)) => Ok(Binaries { kube_apiserver, etcd }),
        (Some(_), None) => Err("PATH has kube-apiserver, but no etcd".to_owned()),
        (None, Some(_)) => Err("PATH has etcd, but no kube-apiserver".to_owned()),
        (None, None) => Err("PATH has neither kube-apiserver nor etcd".to_owned()),
    }
}

fn on_path(environment: Environment<'_>, name: &str) -> Option<PathBuf> {
    std::env::split_paths(&environment("PATH")?)
        // A relative entry means something else in every folder.
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Returns the cache folder of the user, for files that can be made again.
fn cache_home(environment: Environment<'_>) -> Result<PathBuf> {
    let dir = |name| non_empty(environment, name).map(PathBuf::from);
    let found = dir("DSYNC_CACHE_DIR")
        .or_else(|| dir("XDG_CACHE_HOME").map(|dir| dir.join("dsync")))
        .or_else(|| dir("HOME").map(|dir| dir.join(".cache/dsync")));
    match found {
        Some(dir) if dir.is_absolute() => Ok(dir),
        Some(dir) => bail!("the cache folder {} must be an absolute path", dir.display()),
        None => bail!("no cache folder: set DSYNC_CACHE_DIR, XDG_CACHE_HOME or HOME"),
    }
}

#[cfg(test)]
mod tests;
