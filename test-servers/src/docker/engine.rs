//! The Docker engine, and whether tests can use it.

use std::env;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use testcontainers::bollard::errors::Error::DockerResponseServerError;
use testcontainers::bollard::{API_DEFAULT_VERSION, Docker};
use testcontainers::core::client::docker_client_instance;
use tokio::time::timeout;

use super::blocking;

/// The lowest version of the engine's API that has all that `testcontainers` uses, and the release
/// of Docker that introduced it: the parameter `platform` of a new container.
///
/// bollard 0.21, the client in `testcontainers` 0.28, names no version in its requests, so an engine
/// applies its own. A later one does (<https://github.com/fussybeaver/bollard/pull/737>), and an
/// engine that does not know that version refuses all requests.
const NEEDED: ((u32, u32), &str) = ((1, 41), "20.10");

/// How long the engine may take to describe itself. A busy one takes a second or two.
const LIMIT: Duration = Duration::from_secs(10);

/// Returns the version of the Docker engine that runs the containers, such as
/// `29.3.0 on Debian GNU/Linux 13`.
///
/// Asks it once per process.
///
/// # Errors
///
/// One line that says why no containers can be started, and what to do: no engine answers in time,
/// its API is too old, or its containers do not share the network of this machine.
pub fn engine() -> Result<String> {
    static KNOWN: OnceLock<Result<String, String>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let asked = blocking::wait(async { timeout(LIMIT, describe()).await });
        let in_time = asked.and_then(|in_time| {
            in_time.unwrap_or_else(|_| {
                let place = place();
                Err(anyhow!("the Docker engine{place} does not answer within {LIMIT:?}"))
            })
        });
        in_time.map_err(|error| format!("{error:#}"))
    });
    known.clone().map_err(Error::msg)
}

async fn describe() -> Result<String> {
    let place = place();
    let silent = |error| {
        anyhow!("no Docker engine answers{place}; start one (`dockerd`, as root): {error:#}")
    };
    let docker = docker_client_instance().await.map_err(|error| silent(Error::new(error)))?;
    let version = docker.version().await.map_err(|error| match error {
        // Engines refuse a version of the API that they do not know. Their message names theirs.
        DockerResponseServerError { message, .. } => anyhow!(
            "the Docker engine{place} refuses testcontainers, which needs API \
             {API_DEFAULT_VERSION}: {message}"
        ),
        error => silent(Error::new(error)),
    })?;
    let name = version.version.unwrap_or_else(|| "of unknown version".to_owned());
    let api = version.api_version.unwrap_or_default();
    let ((major, minor), release) = NEEDED;
    if parse(&api).is_none_or(|api| api < (major, minor)) {
        bail!(
            "the Docker engine {name}{place} has API {api:?}; testcontainers needs {major}.{minor} or \
             newer (Docker {release})"
        );
    }
    let system = shares_network(&docker, &name, &place).await?;
    Ok(format!("{name} on {system}"))
}

/// Returns the operating system of the engine if its containers can have the network of this
/// machine.
async fn shares_network(docker: &Docker, name: &str, place: &str) -> Result<String> {
    let info = docker
        .info()
        .await
        .with_context(|| format!("the Docker engine {name}{place} does not describe itself"))?;
    let system = info.operating_system.unwrap_or_default();
    let theirs = info.kernel_version.unwrap_or_default();
    let this = rustix::system::uname();
    let this = this.release().to_string_lossy();
    // Docker Desktop runs the engine in a virtual machine, and so do others without that name. Such
    // an engine has another kernel, as has one of another machine.
    if system.contains("Docker Desktop") || theirs != this {
        bail!(
            "the Docker engine {name}{place} ({system}) does not run on this machine's kernel, \
             {this}, but on {theirs}; its containers cannot share the network of this machine"
        );
    }
    // The containers of such an engine have users or a network of their own, on the same kernel.
    let options = info.security_options.unwrap_or_default();
    let is_apart = |option: &&String| {
        ["name=rootless", "name=userns"].iter().any(|name| option.contains(name))
    };
    if let Some(option) = options.iter().find(is_apart) {
        bail!(
            "the Docker engine {name}{place} runs with {option}; its containers cannot share the \
             network and the files of this machine"
        );
    }
    Ok(system)
}

/// Where the engine was looked for, if not in the usual places.
fn place() -> String {
    env::var("DOCKER_HOST").map_or_else(|_| String::new(), |host| format!(" at {host}"))
}

/// The numbers of a version such as `1.41`.
fn parse(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(parse("1.9") < parse("1.41"));
        assert!(parse("2.0") > parse("1.41"));
        assert_eq!(parse("1.41"), Some(NEEDED.0));
        assert_eq!(parse("unknown"), None);
        assert_eq!(parse(""), None);
    }
}
