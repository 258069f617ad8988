//! Stops and starts an API server of our own.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use control_plane::ControlPlane;
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::ServerControl;

fn wrong(error: &anyhow::Error) -> Error {
    Error::ambiguous(ErrorKind::Internal, format!("{error:#}"))
}

/// A control plane of our own.
pub(crate) struct Own(pub(crate) Mutex<ControlPlane>);

impl Own {
    fn lock(&self) -> MutexGuard<'_, ControlPlane> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own")
    }
}

#[async_trait]
impl ServerControl for Own {
    async fn kill(&self) -> Result<()> {
        self.lock().kill_api_server().map_err(|error| wrong(&error))
    }

    async fn start(&self) -> Result<()> {
        self.lock().start_api_server().map_err(|error| wrong(&error))
    }

    async fn pause(&self) -> Result<()> {
        self.lock().pause_api_server().map_err(|error| wrong(&error))
    }

    async fn resume(&self) -> Result<()> {
        self.lock().resume_api_server().map_err(|error| wrong(&error))
    }
}
