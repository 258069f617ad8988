//! Images of servers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::wait::ExitWaitStrategy;
use testcontainers::core::{Mount, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerRequest, GenericImage, ImageExt as _};
use tokio::time::timeout;

use super::owner::Owner;
use super::reference::Reference;
use super::{Container, abandoned, blocking};

/// How long a pull may take before the image counts as out of reach.
const PULL_LIMIT: Duration = Duration::from_secs(5 * 60);

/// An image that the engine has, so that a container starts without a network.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    name: String,
    /// The name of its program, which it has on PATH.
    program: &'static str,
    /// What the program prints for `--version`.
    version: String,
    /// The owner of its containers: this process.
    owner: Owner,
}

impl Image {
    /// Returns the image `name`, which it pulls if the engine does not have it.
    ///
    /// Does so once per process, as an image that is out of reach takes a while to fail.
    ///
    /// # Errors
    ///
    /// If it cannot be pulled, or its program does not run.
    pub(crate) fn find(name: &str, program: &'static str) -> Result<Self> {
        static KNOWN: Mutex<BTreeMap<String, Result<String, String>>> = Mutex::new(BTreeMap::new());
        let owner = Owner::current()?;
        let mut image = Self { name: name.to_owned(), program, version: String::new(), owner };
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let version = known
            .entry(name.to_owned())
            .or_insert_with(|| image.look().map_err(|error| format!("{error:#}")));
        image.version = version.clone().map_err(|error| {
            anyhow!(
                "the image {name} cannot be used: {error}; `cargo xtask images` makes one of the \
                 programs of this machine"
            )
        })?;
        Ok(image)
    }

    /// What its program prints for `--version`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Pulls it if need be, and returns what its program prints for `--version`.
    fn look(&self) -> Result<String> {
        let name = self.name.clone();
        let request = self.request(["--version".to_owned()]);
        let exited = WaitFor::exit(ExitWaitStrategy::new().with_exit_code(0));
        let runs = request.with_network("none").with_ready_conditions(vec![exited]);
        let pull = GenericImage::from(&Reference::parse(&name));
        blocking::wait(async move {
            if docker_client_instance().await?.inspect_image(&name).await.is_err() {
                let pulled = timeout(PULL_LIMIT, pull.pull_image()).await;
                let _request = pulled
                    .with_context(|| format!("it was not pulled within {PULL_LIMIT:?}"))??;
            }
            let container = runs.start().await?;
            let text = container.stdout_to_vec().await;
            container.rm().await?;
            anyhow::Ok(String::from_utf8_lossy(&text?).into_owned())
        })?
    }

    /// Starts a container with these arguments, and `folder` for its data. Its output goes to the file
    /// `log` when it is removed.
    pub(crate) fn start(
        &self,
        arguments: &[String],
        folder: &Path,
        log: &Path,
    ) -> Result<Container> {
        self.remove_abandoned();
        let path = folder.to_str().with_context(|| format!("{} is not UTF-8", folder.display()))?;
        let user = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let name = unique(folder, self.program);
        let request = self
            .request(arguments.iter().cloned())
            .with_container_name(&name)
            .with_network("host")
            .with_user(format!("{}:{}", user.0, user.1))
            .with_mount(Mount::bind_mount(path, path))
            .with_working_dir(path);
        let container = blocking::wait(async move {
            match request.start().await {
                Ok(container) => anyhow::Ok(container),
                Err(error) => {
                    // One that was created and could not be started is left behind.
                    abandoned::remove_container(&docker_client_instance().await?, &name).await?;
                    Err(error.into())
                }
            }
        })?;
        let container = container.with_context(|| format!("failed to start {}", self.program))?;
        Ok(Container::new(container, self.program, log))
    }

    fn request(
        &self,
        arguments: impl IntoIterator<Item = String>,
    ) -> ContainerRequest<GenericImage> {
        GenericImage::from(&Reference::parse(&self.name))
            .with_entrypoint(self.program)
            .with_cmd(arguments)
            .with_labels(self.owner.labels())
    }

    /// Removes the containers of processes that were killed, before the first one of this process
    /// starts.
    fn remove_abandoned(&self) {
        static DONE: OnceLock<()> = OnceLock::new();
        DONE.get_or_init(|| {
            let here = self.owner.clone();
            let removed = blocking::wait(async move {
                abandoned::remove(&docker_client_instance().await?, &here).await
            });
            // That is no reason not to test. The next process tries again.
            if let Err(error) = removed.and_then(|removed| removed) {
                eprintln!("note: the containers of killed tests remain: {error:#}");
            }
        });
    }
}

/// Returns a name that no container had before: that of the server's folder, of its program, and a
/// number.
fn unique(folder: &Path, program: &str) -> String {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("dsync-test-{folder}-{program}-{}-{number}", std::process::id())
}
