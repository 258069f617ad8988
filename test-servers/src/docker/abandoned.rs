//! Removes the containers whose owners were killed.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error::DockerResponseServerError;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};

use super::owner::{self, Owner, Process};

/// Removes the containers whose owners are gone, as far as `here` can see that.
///
/// # Errors
///
/// If the engine cannot list or remove them.
pub(super) async fn remove(docker: &Docker, here: &Owner) -> Result<()> {
    let filters = HashMap::from([("label", vec![owner::PID])]);
    // Those that were created and never started as well.
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let containers =
        docker.list_containers(Some(options)).await.context("failed to list containers")?;
    for container in containers {
        let (Some(id), Some(labels)) = (container.id, container.labels) else { continue };
        // Labels that cannot be read name no owner that could be gone.
        if Owner::of(&labels).is_some_and(|owner| owner.is_gone(here, Process::of)) {
            remove_container(docker, &id).await?;
        }
    }
    Ok(())
}

/// Kills a container and removes it, with its volumes.
///
/// # Errors
///
/// If the engine cannot do so. It is no error if another process removes it, or has done so.
pub(super) async fn remove_container(docker: &Docker, name: &str) -> Result<()> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        Ok(()) | Err(DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("failed to remove the container {name}")),
    }
}
