//! A container with a server.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use futures_util::TryStreamExt as _;
use testcontainers::bollard::query_parameters::LogsOptionsBuilder;
use testcontainers::core::client::docker_client_instance;
use testcontainers::{ContainerAsync, GenericImage};

use super::blocking;

/// How many lines of the log an error shows: what went wrong is nearly always there.
const LINES: &str = "20";

/// A container that was started here. Dropping it kills its server and waits until it is gone.
pub(crate) struct Container {
    /// `None` while it is being dropped.
    handle: Option<Arc<ContainerAsync<GenericImage>>>,
    id: String,
    program: &'static str,
    log: PathBuf,
}

impl Container {
    pub(super) fn new(
        container: ContainerAsync<GenericImage>,
        program: &'static str,
        log: &Path,
    ) -> Self {
        let id = container.id().to_owned();
        Self { handle: Some(Arc::new(container)), id, program, log: log.to_owned() }
    }

    /// Returns an error with the end of the log if the server has ended.
    pub(crate) fn check(&self) -> Result<()> {
        let container = self.get()?;
        let ended = blocking::wait(async move {
            if container.is_running().await? {
                Ok(None)
            } else {
                container.exit_code().await.map(Some)
            }
        })??;
        let Some(code) = ended else { return Ok(()) };
        let code = code.map_or_else(String::new, |code| format!(" with code {code}"));
        let log = self.output(LINES)?;
        bail!("{} ended by itself{code}; the last lines of its log:\n{log}", self.program)
    }

    pub(crate) fn pause(&self) -> Result<()> {
        let container = self.get()?;
        Ok(blocking::wait(async move { container.pause().await })??)
    }

    pub(crate) fn resume(&self) -> Result<()> {
        let container = self.get()?;
        Ok(blocking::wait(async move { container.unpause().await })??)
    }

    /// Kills the server, as a crash would, and removes the container.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.check()?;
        self.remove()
    }

    fn get(&self) -> Result<Arc<ContainerAsync<GenericImage>>> {
        self.handle.clone().context("the container is being removed")
    }

    /// The last `lines` of what the server has printed, or `all`.
    fn output(&self, lines: &str) -> Result<String> {
        let id = self.id.clone();
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(lines).build();
        blocking::wait(async move {
            let lines: Vec<_> =
                docker_client_instance().await?.logs(&id, Some(options)).try_collect().await?;
            Ok(lines.iter().map(ToString::to_string).collect())
        })?
    }

    /// Removes the container, which is killed first. Its output goes to the log, as the engine forgets
    /// it with the container.
    fn remove(&mut self) -> Result<()> {
        let Some(container) = self.handle.take() else { return Ok(()) };
        let saved = self.output("all").and_then(|output| {
            let mut log = OpenOptions::new().create(true).append(true).open(&self.log)?;
            Ok(log.write_all(output.as_bytes())?)
        });
        blocking::wait(async move {
            // All calls have ended, and with them their shares of it.
            if let Some(container) = Arc::into_inner(container) {
                container.rm().await?;
            }
            anyhow::Ok(())
        })??;
        saved.with_context(|| format!("failed to write the log {}", self.log.display()))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("note: {} in a container did not end properly: {error:#}", self.program);
        }
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("id", &self.id).finish_non_exhaustive()
    }
}
