//! Finding kube-apiserver and etcd, or building them.
//!
//! The places are tried in this order, and each tells what came of it:
//!
//! 1. the folder that `KUBEBUILDER_ASSETS` names, as for Go's envtest,
//! 2. `PATH`,
//! 3. what an earlier run built, in the cache folder,
//! 4. a build from the published Go modules, if there is a Go toolchain.

mod cache;
mod go;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};

use crate::environment::{Environment, non_empty, of_process};
use cache::Cache;

/// The release of Kubernetes that's built when none is found.
pub const KUBERNETES_VERSION: &str = "1.37.2";
/// The release of etcd that's built when none is found.
pub const ETCD_VERSION: &str = "3.7.3";

const ASSETS: &str = "KUBEBUILDER_ASSETS";
const KUBE_APISERVER: &str = "kube-apiserver";
const ETCD: &str = "etcd";
const CHOICES: &str = "\
to run a control plane, do one of these:
  - set KUBEBUILDER_ASSETS to a folder that holds kube-apiserver and etcd; one way to get it is
    export KUBEBUILDER_ASSETS=$(go run sigs.k8s.io/controller-runtime/tools/setup-envtest@latest use -p path)
  - put kube-apiserver and etcd on PATH
  - put Go 1.26 or newer on PATH; both are then built from their published modules, once";

/// The programs of a control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// Where kube-apiserver is.
    pub kube_apiserver: PathBuf,
    /// Where etcd is.
    pub etcd: PathBuf,
}

/// Finds the programs, or builds them, which takes minutes the first time.
///
/// # Errors
/// When they are nowhere and can't be built; the error lists what can be done.
pub fn find(report: fn(&str)) -> Result<Binaries> {
    find_in(&of_process, report)
}

fn find_in(environment: Environment<'_>, report: fn(&str)) -> Result<Binaries> {
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
    if let Some(binaries) = cache.binaries() {
        report(&format!("using what was built earlier, in {}", cache.path().display()));
        return Ok(binaries);
    }
    report(&format!("nothing built earlier in {}", cache.path().display()));
    let go = go::Toolchain::find(environment).map_err(|error| anyhow!("{error:#}; {CHOICES}"))?;
    report(&format!("building them with {}, once; this takes some minutes", go.version()));
    cache.build(&go, report)
}

fn from_assets(environment: Environment<'_>) -> Result<Option<Binaries>> {
    let Some(dir) = non_empty(environment, ASSETS).map(PathBuf::from) else { return Ok(None) };
    let program = |name| {
        let path = dir.join(name);
        // The servers are started in another folder than this one.
        let path = std::path::absolute(&path).unwrap_or(path);
        if is_program(&path) {
            Ok(path)
        } else {
            Err(anyhow!("{ASSETS} is set, but {} is missing or not executable", path.display()))
        }
    };
    Ok(Some(Binaries { kube_apiserver: program(KUBE_APISERVER)?, etcd: program(ETCD)? }))
}

/// Both from `PATH`, or which of them it lacks.
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

/// The cache folder of the user, for things that can be made again.
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
