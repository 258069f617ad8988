//! The cluster on which drivers for Kubernetes are tested.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use super::kind::Kind;
use super::{kind, kubeconfig};
use crate::output::say;

/// The cluster selected by `--cluster`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cluster {
    /// The control plane of `cargo xtask cluster`.
    Local,
    /// A kind cluster.
    Kind,
    /// The cluster of the current context.
    Current,
}

impl Cluster {
    const ALL: [Self; 3] = [Self::Local, Self::Kind, Self::Current];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cluster| cluster.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Kind => "kind",
            Self::Current => "current",
        }
    }
}

/// The cluster under test.
pub(super) enum Site {
    /// An existing cluster that is not managed by this program, by its kubeconfig.
    Other(PathBuf),
    /// A control plane that the tests start, so that they can also kill it.
    TheirOwn,
    /// A kind cluster, which is deleted at the end if it was created for the tests.
    Kind(Kind),
}

impl Site {
    /// Finds the cluster, or creates one.
    pub(super) fn find(cluster: Cluster, image: Option<&str>) -> Result<Self> {
        match cluster {
            Cluster::Local => Self::local(),
            Cluster::Kind => Ok(Self::Kind(kind::find(&kind::Programs::default(), image)?)),
            Cluster::Current => {
                let current = kubeconfig::current()?;
                say(&format!("testing on {current}\n"));
                Ok(Self::Other(current.file))
            }
        }
    }

    fn local() -> Result<Self> {
        if let Some((kubeconfig, version)) = crate::cluster::running()? {
            say(&format!(
                "kube-apiserver {version} is running (see `cargo xtask cluster status`)\n"
            ));
            say(
                "it is shared, so it is not killed; to test that, run `cargo xtask cluster down` first\n",
            );
            return Ok(Self::Other(kubeconfig));
        }
        Ok(Self::TheirOwn)
    }

    /// Returns the environment variables that direct the tests to the cluster.
    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        const KUBECONFIG: &str = "DSYNC_TEST_KUBECONFIG";
        match self {
            Self::TheirOwn => Vec::new(),
            Self::Other(kubeconfig) => vec![(KUBECONFIG, kubeconfig.into())],
            Self::Kind(kind) => {
                vec![(KUBECONFIG, kind.kubeconfig().into()), ("DSYNC_TEST_KIND", kind::NAME.into())]
            }
        }
    }

    /// Deletes the cluster if it was created for the tests, and waits until it is gone.
    pub(super) fn end(self) -> Result<()> {
        match self {
            Self::Kind(kind) => kind.end(),
            Self::Other(_) | Self::TheirOwn => Ok(()),
        }
    }
}
