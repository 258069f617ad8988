//! Where drivers on Kubernetes are tested.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use super::kind::Kind;
use super::{kind, kubeconfig};
use crate::output::say;

/// Which cluster was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cluster {
    /// The control plane of `cargo xtask cluster`.
    Local,
    /// A cluster of kind.
    Kind,
    /// The current context.
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

/// Where the tests go.
pub(super) enum Site {
    /// A cluster of somebody else's, by its kubeconfig.
    Other(PathBuf),
    /// A control plane that the tests start for themselves: so they can kill it as well.
    TheirOwn,
    /// A cluster of kind, which ends with this if it was made for it.
    Kind(Kind),
}

impl Site {
    /// Finds the cluster, or starts one.
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
            say(&format!("kube-apiserver {version} is up: `cargo xtask cluster status`\n"));
            say("it is shared, so it is not killed; `cargo xtask cluster down` first, and it is\n");
            return Ok(Self::Other(kubeconfig));
        }
        Ok(Self::TheirOwn)
    }

    /// What tests have to know.
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

    /// Ends what was started, and waits for that.
    pub(super) fn end(self) -> Result<()> {
        match self {
            Self::Kind(kind) => kind.end(),
            Self::Other(_) | Self::TheirOwn => Ok(()),
        }
    }
}
