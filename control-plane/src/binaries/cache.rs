//! What was built stays, so that it's built once per version and not per run.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Binaries, ETCD, ETCD_VERSION, KUBE_APISERVER, KUBERNETES_VERSION, go};
use crate::environment::Environment;

/// The folder with earlier builds. Each program is in a folder named for its
/// version and platform, so that changing either can't bring up a wrong one.
pub(super) struct Cache {
    path: PathBuf,
}

impl Cache {
    pub(super) fn locate(environment: Environment<'_>) -> Result<Self> {
        Ok(Self { path: super::cache_home(environment)?.join("control-plane") })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn program(&self, name: &str, version: &str) -> PathBuf {
        use std::env::consts::{ARCH, OS};
        self.path.join(format!("{name}-{version}-{OS}-{ARCH}")).join(name)
    }

    fn places(&self) -> Binaries {
        Binaries {
            kube_apiserver: self.program(KUBE_APISERVER, KUBERNETES_VERSION),
            etcd: self.program(ETCD, ETCD_VERSION),
        }
    }

    /// Both programs, if both are there.
    pub(super) fn binaries(&self) -> Option<Binaries> {
        let places = self.places();
        (super::is_program(&places.kube_apiserver) && super::is_program(&places.etcd))
            .then_some(places)
    }

    /// Builds what's missing. One process builds, the others wait for it.
    pub(super) fn build(&self, go: &go::Toolchain, report: fn(&str)) -> Result<Binaries> {
        fs::create_dir_all(&self.path)
            .with_context(|| format!("could not create {}", self.path.display()))?;
        let _lock = self.lock(report)?;
        let places = self.places();
        // Looked at again, as another process may have built while this one waited.
        // The small one goes first: if the way itself is blocked, it tells sooner.
        if !super::is_program(&places.etcd) {
            build_one(&places.etcd, report, |out| go.build_etcd(out, report))?;
        }
        if !super::is_program(&places.kube_apiserver) {
            build_one(&places.kube_apiserver, report, |out| go.build_kube_apiserver(out, report))?;
        }
        Ok(places)
    }

    fn lock(&self, report: fn(&str)) -> Result<File> {
        let path = self.path.join("build.lock");
        let take = || {
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    report("another process is building them; waiting for it");
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            Ok(file)
        };
        take().with_context(|| format!("could not lock {}", path.display()))
    }
}

/// Builds into a temporary name, as a program under its final one must be whole.
fn build_one(
    place: &Path,
    report: fn(&str),
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let dir = place.parent().unwrap_or(place);
    fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    // The lock makes sure that nobody else uses the name.
    let unfinished = place.with_extension("unfinished");
    build(&unfinished)?;
    fs::rename(&unfinished, place)
        .with_context(|| format!("could not rename {}", unfinished.display()))?;
    report(&format!("built {}", place.display()));
    Ok(())
}
