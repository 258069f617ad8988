//! Servers in containers.
//!
//! Everything goes through the `docker` program, which gets along with engines of any age. A
//! container has the network of this machine and the folder of its server at the same place, so that
//! a server gets the same arguments as outside of one, and listens on loopback all the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use control_plane::child_guard::ChildGuard;

/// An image that is there, so that starting it needs no network.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) name: String,
    /// The program in it, by the name of which it is on PATH.
    pub(crate) program: &'static str,
}

/// A container that runs.
#[derive(Clone, Debug)]
pub(crate) struct Container(String);

/// The version of the Docker engine of this machine.
///
/// # Errors
///
/// If none answers, with what to do.
pub fn engine() -> Result<String> {
    static KNOWN: OnceLock<Result<String, String>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| ask().map_err(|error| format!("{error:#}")));
    known.clone().map_err(anyhow::Error::msg)
}

fn ask() -> Result<String> {
    const WHAT: &str = "{{.ServerVersion}} on {{.OperatingSystem}}";
    let answer = docker(&["info", "--format", WHAT])
        .context("no Docker engine answers: start one (`dockerd`, as root)")?;
    // Its containers have the network of the virtual machine.
    if answer.contains("Docker Desktop") {
        bail!("the Docker engine {answer} runs in a machine of its own");
    }
    Ok(answer)
}

impl Image {
    /// The image `name`, pulled if it is not there.
    pub(crate) fn find(name: &str, program: &'static str) -> Result<Self> {
        // Asked once: to be told again that it cannot be had takes long.
        static KNOWN: Mutex<BTreeMap<String, Option<String>>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let look = || {
            docker(&["image", "inspect", name]).or_else(|_| docker(&["pull", name]))?;
            anyhow::Ok(())
        };
        let trouble = known
            .entry(name.to_owned())
            .or_insert_with(|| look().err().map(|error| format!("{error:#}")));
        match trouble {
            None => Ok(Self { name: name.to_owned(), program }),
            Some(error) => Err(anyhow!(
                "the image {name} cannot be had: {error}; `cargo xtask images` makes one of the \
                 programs of this machine"
            )),
        }
    }

    /// What its program prints.
    pub(crate) fn output(&self, argument: &str) -> Result<String> {
        let entry = ["run", "--rm", "--network", "none", "--entrypoint", self.program];
        docker(&[&entry[..], &[self.name.as_str(), argument]].concat())
    }

    /// Starts a container with these arguments, and `folder` for its data.
    pub(crate) fn start(
        &self,
        arguments: &[String],
        folder: &Path,
        log: &Path,
    ) -> Result<(ChildGuard, Container)> {
        let container = Container(format!("dsync-test-{}", unique(folder, log)?));
        let folder = folder.display();
        let user = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let mut all = vec!["run".to_owned(), "--rm".to_owned()];
        all.extend(
            [
                ("--name", container.0.clone()),
                ("--network", "host".to_owned()),
                ("--user", format!("{}:{}", user.0, user.1)),
                ("--volume", format!("{folder}:{folder}")),
                ("--workdir", folder.to_string()),
                ("--entrypoint", self.program.to_owned()),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value]),
        );
        all.push(self.name.clone());
        all.extend(arguments.iter().cloned());
        // The process of `docker run` ends with the container, but not the other way round.
        let end = format!("docker kill {}", container.0);
        let guard = ChildGuard::start_ended_by(&end, self.program, Path::new("docker"), &all, log)?;
        Ok((guard, container))
    }
}

impl Container {
    pub(crate) fn kill(&self) -> Result<()> {
        docker(&["kill", &self.0]).map(drop)
    }

    pub(crate) fn pause(&self) -> Result<()> {
        docker(&["pause", &self.0]).map(drop)
    }

    pub(crate) fn resume(&self) -> Result<()> {
        docker(&["unpause", &self.0]).map(drop)
    }
}

/// A name that no container had before: that of the server's folder, of its log, and a number.
fn unique(folder: &Path, log: &Path) -> Result<String> {
    static STARTED: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let of = |name: Option<&std::ffi::OsStr>| name.map(|name| name.to_string_lossy().into_owned());
    let folder = of(folder.file_name()).context("the folder of a server has a name")?;
    let log = of(log.file_stem()).context("a log has a name")?;
    Ok(format!("{folder}-{log}-{}-{number}", std::process::id()))
}

/// What `docker` prints.
fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).output().context("failed to run docker")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        bail!("`docker {}` failed: {}", arguments.join(" "), text(&output.stderr));
    }
    Ok(text(&output.stdout))
}
