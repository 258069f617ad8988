//! Where drivers on Kubernetes are tested.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use control_plane::{ControlPlane, Options};

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

/// A cluster that is there. What was started for it ends with it.
pub(super) struct Site {
    kubeconfig: PathBuf,
    owner: Owner,
}

/// Who the cluster belongs to.
enum Owner {
    /// Somebody else.
    Other,
    /// This program, which it ends with, however that ends.
    Own(#[expect(dead_code, reason = "its end is the end of the servers")] Box<ControlPlane>),
    Kind(Kind),
}

impl Site {
    /// Finds the cluster, or starts one.
    pub(super) fn find(cluster: Cluster, image: Option<&str>) -> Result<Self> {
        match cluster {
            Cluster::Local => Self::local(),
            Cluster::Kind => {
                let kind = kind::find(&kind::Programs::default(), image)?;
                Ok(Self { kubeconfig: kind.kubeconfig().to_owned(), owner: Owner::Kind(kind) })
            }
            Cluster::Current => {
                let current = kubeconfig::current()?;
                say(&format!("testing on {current}\n"));
                Ok(Self { kubeconfig: current.file, owner: Owner::Other })
            }
        }
    }

    fn local() -> Result<Self> {
        if let Some((kubeconfig, version)) = crate::cluster::running()? {
            say(&format!("kube-apiserver {version} is up: `cargo xtask cluster status`\n"));
            return Ok(Self { kubeconfig, owner: Owner::Other });
        }
        let own = ControlPlane::start(Options::default())?;
        say(&format!("kube-apiserver {} answers\n", own.version()));
        let kubeconfig = own.kubeconfig().to_owned();
        Ok(Self { kubeconfig, owner: Owner::Own(Box::new(own)) })
    }

    /// What tests have to know.
    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![("DSYNC_TEST_KUBECONFIG", self.kubeconfig.clone().into())];
        if matches!(self.owner, Owner::Kind(_)) {
            variables.push(("DSYNC_TEST_KIND", kind::NAME.into()));
        }
        variables
    }

    /// Ends what was started, and waits for that.
    pub(super) fn end(self) -> Result<()> {
        match self.owner {
            Owner::Kind(kind) => kind.end(),
            Owner::Other | Owner::Own(_) => Ok(()),
        }
    }
}
