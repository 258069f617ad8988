//! A kind cluster: an existing one, or one that is created for the tests and deleted afterwards.

mod guard;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use self::guard::Guard;
use super::program::{self, Output, RunError};
use crate::output::say;

/// The name of the cluster.
pub(super) const NAME: &str = "dsync-conformance";

/// Three control planes, so that the cluster survives the loss of one API server or etcd member.
const CONFIG: &str = "\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking:
  apiServerAddress: 127.0.0.1
nodes:
  - role: control-plane
  - role: control-plane
  - role: control-plane
";

/// How long the container engine may take to answer.
const ENGINE_LIMIT: Duration = Duration::from_secs(30);
/// How long pulling an image may take.
const PULL_LIMIT: Duration = Duration::from_secs(20 * 60);
/// How long creating a cluster may take, including the pull of kind's default image.
const CREATE_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How long any other command may take.
const LIMIT: Duration = Duration::from_secs(2 * 60);
/// How long kind waits for the control planes to be ready.
const WAIT: &str = "5m";

/// The programs, and where to find them.
#[derive(Debug)]
pub(super) struct Programs {
    /// Replaces `PATH`.
    path: Option<OsString>,
    /// The container engine that kind uses.
    engine: String,
    engine_limit: Duration,
    /// The directory for temporary files.
    folder: PathBuf,
}

impl Default for Programs {
    fn default() -> Self {
        let provider = std::env::var("KIND_EXPERIMENTAL_PROVIDER").unwrap_or_default();
        Self {
            path: None,
            engine: if provider.is_empty() { "docker".to_owned() } else { provider },
            engine_limit: ENGINE_LIMIT,
            folder: control_plane::target_dir().join("conformance/kind"),
        }
    }
}

impl Programs {
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command
    }

    fn kind(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("kind");
        command.args(arguments);
        command
    }

    fn engine(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.engine);
        command.args(arguments);
        command
    }
}

/// A running cluster.
#[derive(Debug)]
pub(super) struct Kind {
    kubeconfig: File,
    /// Deletes the cluster. `None` if the cluster existed before.
    guard: Option<Guard>,
}

impl Kind {
    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig.0
    }

    /// Deletes the cluster if it was created by [`find`].
    pub(super) fn end(self) -> Result<()> {
        match self.guard {
            Some(guard) => {
                say(&format!("deleting the kind cluster {NAME}\n"));
                guard.end()
            }
            None => Ok(()),
        }
    }
}

/// Finds the cluster, or creates it.
pub(super) fn find(programs: &Programs, image: Option<&str>) -> Result<Kind> {
    let clusters = clusters(programs)?;
    engine_answers(programs)?;
    let make = || fs::create_dir_all(&programs.folder);
    make().with_context(|| format!("failed to create {}", programs.folder.display()))?;
    let kubeconfig = File(programs.folder.join("kubeconfig"));
    if clusters.iter().any(|name| name == NAME) {
        let mut command = programs.kind(&["get", "kubeconfig", "--name", NAME]);
        let output = program::run_checked(&mut command, LIMIT)?;
        kubeconfig.write(&output.stdout)?;
        say(&format!("using the existing kind cluster {NAME}, which is kept\n"));
        return Ok(Kind { kubeconfig, guard: None });
    }
    if let Some(image) = image {
        have_image(programs, image)?;
    }
    let config = File(programs.folder.join("cluster.yaml"));
    config.write(CONFIG)?;
    // From here on the cluster must be deleted even if this program is killed.
    let guard = Guard::new(programs, &kubeconfig.0)?;
    say(&format!(
        "creating the kind cluster {NAME} with three control planes, which takes several minutes\n"
    ));
    match create(programs, image, &config.0, &kubeconfig.0) {
        Ok(()) => Ok(Kind { kubeconfig, guard: Some(guard) }),
        Err(error) => {
            let deleted = guard.end();
            Err(match deleted {
                Ok(()) => error,
                Err(left) => {
                    error.context(format!("the incomplete cluster was not deleted ({left:#})"))
                }
            })
        }
    }
}

fn clusters(programs: &Programs) -> Result<Vec<String>> {
    let output = match program::run(&mut programs.kind(&["get", "clusters"]), programs.engine_limit)
    {
        Ok(output) => output,
        Err(RunError::Missing) => bail!(
            "kind is not on PATH: install it (https://kind.sigs.k8s.io, or \
             `go install sigs.k8s.io/kind@latest`), or use --cluster local, which needs neither \
             kind nor containers"
        ),
        Err(RunError::Other(error)) => return Err(error.context("`kind get clusters`")),
        // `kind` waits for the engine, so report the state of the engine instead.
        Err(RunError::Hangs) => return engine_answers(programs).map(|()| Vec::new()),
    };
    if !output.succeeded {
        // The cause is usually the engine, whose own error is clearer.
        engine_answers(programs)?;
        bail!("`kind get clusters` failed: {}", output.last_line());
    }
    Ok(output.stdout.lines().map(|line| line.trim().to_owned()).collect())
}

fn engine_answers(programs: &Programs) -> Result<()> {
    let engine = &programs.engine;
    let else_local = "or use --cluster local, which needs no containers";
    match program::run(&mut programs.engine(&["version"]), programs.engine_limit) {
        Ok(output) if output.succeeded => Ok(()),
        Ok(output) => bail!(
            "{engine} is installed, but its engine does not answer: {}. Start it (for example with \
             `sudo systemctl start {engine}`), check your permissions, {else_local}",
            output.last_line().trim_end_matches('.')
        ),
        Err(RunError::Missing) => bail!(
            "{engine} is not on PATH, and kind runs its nodes in containers: install it \
             (https://docs.docker.com/engine/install), name another engine in \
             KIND_EXPERIMENTAL_PROVIDER (podman, nerdctl), {else_local}"
        ),
        Err(RunError::Hangs) => bail!(
            "`{engine} version` did not answer within {:?}: its engine hangs. Restart it, {else_local}",
            programs.engine_limit
        ),
        Err(RunError::Other(error)) => Err(error),
    }
}

/// Pulls the image unless it exists locally.
fn have_image(programs: &Programs, image: &str) -> Result<()> {
    let mut inspect = programs.engine(&["image", "inspect", "--format", "{{.Id}}", image]);
    if matches!(program::run(&mut inspect, LIMIT), Ok(Output { succeeded: true, .. })) {
        return Ok(());
    }
    say(&format!("pulling {image}\n"));
    program::run_checked(&mut programs.engine(&["pull", image]), PULL_LIMIT)
        .map(drop)
        .with_context(|| no_image(image))
}

fn no_image(image: &str) -> String {
    format!(
        "there is no image {image} here, and it could not be pulled: set --kind-image or KIND_IMAGE \
         to another image (https://github.com/kubernetes-sigs/kind/releases lists those of each \
         version), load it manually, or use --cluster local"
    )
}

fn create(
    programs: &Programs,
    image: Option<&str>,
    config: &Path,
    kubeconfig: &Path,
) -> Result<()> {
    let mut command = programs.kind(&["create", "cluster", "--name", NAME, "--wait", WAIT]);
    command.arg("--config").arg(config).arg("--kubeconfig").arg(kubeconfig);
    if let Some(image) = image {
        command.args(["--image", image]);
    }
    match program::run(&mut command, CREATE_LIMIT) {
        Ok(output) if output.succeeded => Ok(()),
        Ok(output) => {
            say(&output.stderr);
            let why = reason(&output);
            if why.contains("pull image") {
                bail!("{}: {why}", no_image(image.unwrap_or("(kind's default)")));
            }
            bail!("kind could not create the cluster: {why}")
        }
        Err(RunError::Missing) => bail!("kind is no longer on PATH"),
        Err(RunError::Hangs) => bail!("`kind create cluster` took longer than {CREATE_LIMIT:?}"),
        Err(RunError::Other(error)) => Err(error),
    }
}

/// Returns the line with kind's error message. The lines after it are a stack trace.
fn reason(output: &Output) -> String {
    let line = output.stderr.lines().find(|line| line.starts_with("ERROR:"));
    line.unwrap_or_else(|| output.last_line()).to_owned()
}

/// A file that only its owner can read, and that is removed when the value is dropped.
#[derive(Debug)]
struct File(PathBuf);

impl File {
    fn write(&self, content: &str) -> Result<()> {
        let write = || {
            let mut options = fs::OpenOptions::new();
            let options = options.write(true).create(true).truncate(true).mode(0o600);
            options.open(&self.0)?.write_all(content.as_bytes())
        };
        write().with_context(|| format!("failed to write {}", self.0.display()))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // The file may not have been written.
        let _ = fs::remove_file(&self.0);
    }
}
