//! The servers that requests are sent to.

use std::fmt;

use dsync::Result;
use redis::{Client, RedisError, ScriptInvocation};

use crate::classify::{Stage, classify};
use crate::cluster::Cluster;
use crate::record::Answer;
use crate::session::Session;
use crate::topology::Topology;

pub(crate) enum Servers {
    Master(Box<Session>),
    Cluster(Cluster),
}

impl Servers {
    pub(crate) fn new(topology: Topology) -> Self {
        match topology {
            Topology::Master(master) => Self::Master(Box::new(Session::new(*master))),
            Topology::Cluster(seeds) => Self::Cluster(Cluster::new(seeds)),
        }
    }

    /// Runs a script on `key`, once.
    pub(crate) async fn run(&self, key: &str, script: &ScriptInvocation<'_>) -> Result<Answer> {
        match self {
            Self::Master(session) => session.run(script).await,
            Self::Cluster(cluster) => cluster.run(key, script).await,
        }
    }

    /// Returns a client of a server that receives every published message.
    pub(crate) async fn client(&self) -> Result<Client> {
        match self {
            Self::Master(session) => session.client().await,
            Self::Cluster(cluster) => cluster.any_client(),
        }
    }

    pub(crate) fn error(&self, stage: Stage, error: &RedisError) -> dsync::Error {
        classify(stage, &self.to_string(), error)
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Master(session) => session.close(),
            Self::Cluster(cluster) => cluster.close(),
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(session) => f.write_str(&session.server()),
            Self::Cluster(cluster) => cluster.fmt(f),
        }
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Servers").field(&self.to_string()).finish()
    }
}
