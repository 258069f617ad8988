//! Images made of files of this machine.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use futures_util::TryStreamExt as _;
use testcontainers::bollard::body_full;
use testcontainers::bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions};
use testcontainers::core::client::docker_client_instance;

use super::blocking;
use super::reference::Reference;

/// Makes the image `name` of the files in `archive`, a tar file. An earlier image of that name is
/// removed, unless a container uses it.
///
/// # Errors
///
/// If the archive cannot be read, or the engine refuses it.
pub fn import(archive: &Path, name: &str) -> Result<()> {
    let files =
        fs::read(archive).with_context(|| format!("failed to read {}", archive.display()))?;
    let name = name.to_owned();
    blocking::wait(async move {
        let docker = docker_client_instance().await?;
        let id = async || docker.inspect_image(&name).await.ok().and_then(|image| image.id);
        let old = id().await;
        let Reference { name: repository, tag } = Reference::parse(&name);
        let options =
            CreateImageOptionsBuilder::new().from_src("-").repo(&repository).tag(&tag).build();
        let created = docker.create_image(Some(options), Some(body_full(files.into())), None);
        created
            .try_collect::<Vec<_>>()
            .await
            .with_context(|| format!("failed to import the image {name}"))?;
        if let Some(old) = old
            && id().await.is_some_and(|new| new != old)
        {
            // An error means that a container uses it.
            let _ = docker.remove_image(&old, None::<RemoveImageOptions>, None).await;
        }
        Ok(())
    })?
}
