//! Stops and starts an API server that the tests have started.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use control_plane::ControlPlane;
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::ServerControl;

fn internal(error: &anyhow::Error) -> Error {
    Error::ambiguous(ErrorKind::Internal, format!("{error:#}"))
}

/// A control plane that the tests have started.
pub(crate) struct ApiServerControl(pub(crate) Mutex<ControlPlane>);

impl ApiServerControl {
    fn lock(&self) -> MutexGuard<'_, ControlPlane> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ApiServerControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiServerControl")
    }
}

#[async_trait]
impl ServerControl for ApiServerControl {
    async fn kill(&self) -> Result<()> {
        self.lock().kill_api_server().map_err(|error| internal(&error))
    }

    async fn start(&self) -> Result<()> {
        self.lock().start_api_server().map_err(|error| internal(&error))
    }

    async fn pause(&self) -> Result<()> {
        self.lock().pause_api_server().map_err(|error| internal(&error))
    }

    async fn resume(&self) -> Result<()> {
        self.lock().resume_api_server().map_err(|error| internal(&error))
    }
}
