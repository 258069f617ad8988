//! The cache: programs are downloaded or built once per version, not once per run.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Binaries, ETCD, ETCD_VERSION, KUBE_APISERVER, KUBERNETES_VERSION, archive, go};
use crate::environment::Environment;

/// The versions of the two programs that belong together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edition {
    pub(super) kubernetes: &'static str,
    pub(super) etcd: &'static str,
}

/// What a build with Go makes.
const BUILT: Edition = Edition { kubernetes: KUBERNETES_VERSION, etcd: ETCD_VERSION };

/// The folder with the programs of earlier runs. Each program is in a folder named for its version and
/// platform, so a change of either never picks up the wrong one.
pub(super) struct Cache {
    path: PathBuf,
}

/// The right to change the cache; other processes wait for it. Dropping it releases the cache.
pub(super) struct Locked<'a> {
    cache: &'a Cache,
    _file: File,
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

    fn places(&self, edition: Edition) -> Binaries {
        Binaries {
            kube_apiserver: self.program(KUBE_APISERVER, edition.kubernetes),
            etcd: self.program(ETCD, edition.etcd),
        }
    }

    /// Returns both programs of one edition, if the cache has both.
    pub(super) fn binaries(&self) -> Option<Binaries> {
        // The newer edition first.
        [BUILT, archive::EDITION].into_iter().map(|edition| self.places(edition)).find(|places| {
            super::is_program(&places.kube_apiserver) && super::is_program(&places.etcd)
        })
    }

    /// Waits until no other process changes the cache.
    pub(super) fn lock(&self, report: fn(&str)) -> Result<Locked<'_>> {
        fs::create_dir_all(&self.path)
            .with_context(|| format!("could not create {}", self.path.display()))?;
        let path = self.path.join("build.lock");
        let take = || {
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    report("another process is downloading or building them; waiting for it");
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
            Ok(file)
        };
        let file = take().with_context(|| format!("could not lock {}", path.display()))?;
        Ok(Locked { cache: self, _file: file })
    }
}

impl Locked<'_> {
    /// Downloads both programs.
    pub(super) fn download(
        &self,
        archive: &archive::Archive,
        report: fn(&str),
    ) -> Result<Binaries> {
        let places = self.cache.places(archive::EDITION);
        archive.fetch(self.cache.path(), &places, report)?;
        Ok(places)
    }

    /// Builds the programs that are missing.
    pub(super) fn build(&self, go: &go::Toolchain, report: fn(&str)) -> Result<Binaries> {
        let places = self.cache.places(BUILT);
        // etcd is the smaller one, so an obstacle that concerns both shows sooner.
        if !super::is_program(&places.etcd) {
            build_one(&places.etcd, report, |out| go.build_etcd(out, report))?;
        }
        if !super::is_program(&places.kube_apiserver) {
            build_one(&places.kube_apiserver, report, |out| go.build_kube_apiserver(out, report))?;
        }
        Ok(places)
    }
}

/// Builds under a temporary name, because a program under its final name must be complete.
fn build_one(
    place: &Path,
    report: fn(&str),
    build: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let dir = place.parent().unwrap_or(place);
    fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    // The lock ensures that no other process uses the name.
    let unfinished = place.with_extension("unfinished");
    build(&unfinished)?;
    fs::rename(&unfinished, place)
        .with_context(|| format!("could not rename {}", unfinished.display()))?;
    report(&format!("built {}", place.display()));
    Ok(())
}
