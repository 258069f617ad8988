//! A cluster of kind: the one that is there, or one that is made and deleted again.

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
use super::program::{self, Said, Trouble};
use crate::output::say;

/// What the cluster is called.
pub(super) const NAME: &str = "dsync-conformance";

/// Three control planes: an API server or an etcd may go while the others go on.
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

/// How long the engine may take to say that it is there.
const ENGINE_LIMIT: Duration = Duration::from_secs(30);
/// How long an image may take to come.
const PULL_LIMIT: Duration = Duration::from_secs(20 * 60);
/// How long a cluster may take to come: with kind's own image, that is pulled as well.
const CREATE_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How long everything else may take.
const LIMIT: Duration = Duration::from_secs(2 * 60);
/// How long kind waits for the control planes to be ready.
const WAIT: &str = "5m";

/// The programs, and where they are looked for.
#[derive(Debug)]
pub(super) struct Programs {
    /// Instead of `PATH`.
    path: Option<OsString>,
    /// The container engine that kind uses.
    engine: String,
    engine_limit: Duration,
    /// Where files go for a while.
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

/// A cluster that is there.
#[derive(Debug)]
pub(super) struct Kind {
    kubeconfig: File,
    /// Deletes what was made; `None`: it was there before.
    guard: Option<Guard>,
}

impl Kind {
    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig.0
    }

    /// Deletes the cluster, if it was made here.
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

/// Finds the cluster, or makes it.
pub(super) fn find(programs: &Programs, image: Option<&str>) -> Result<Kind> {
    let clusters = clusters(programs)?;
    engine_answers(programs)?;
    let make = || fs::create_dir_all(&programs.folder);
    make().with_context(|| format!("failed to make {}", programs.folder.display()))?;
    let kubeconfig = File(programs.folder.join("kubeconfig"));
    if clusters.iter().any(|name| name == NAME) {
        let mut command = programs.kind(&["get", "kubeconfig", "--name", NAME]);
        let said = program::must(&mut command, LIMIT)?;
        kubeconfig.write(&said.stdout)?;
        say(&format!("the kind cluster {NAME} is there, and stays\n"));
        return Ok(Kind { kubeconfig, guard: None });
    }
    if let Some(image) = image {
        have_image(programs, image)?;
    }
    let config = File(programs.folder.join("cluster.yaml"));
    config.write(CONFIG)?;
    // From here on there may be something to delete, whatever becomes of this program.
    let guard = Guard::new(programs, &kubeconfig.0)?;
    say(&format!("making the kind cluster {NAME} with three control planes: some minutes\n"));
    match create(programs, image, &config.0, &kubeconfig.0) {
        Ok(()) => Ok(Kind { kubeconfig, guard: Some(guard) }),
        Err(error) => {
            let deleted = guard.end();
            Err(match deleted {
                Ok(()) => error,
                Err(left) => error.context(format!("and what there was of it stayed: {left:#}")),
            })
        }
    }
}

fn clusters(programs: &Programs) -> Result<Vec<String>> {
    let said = match program::ask(&mut programs.kind(&["get", "clusters"]), programs.engine_limit) {
        Ok(said) => said,
        Err(Trouble::Missing) => bail!(
            "kind is not on PATH: install it (https://kind.sigs.k8s.io, or \
             `go install sigs.k8s.io/kind@latest`), or use --cluster local, which needs neither \
             kind nor containers"
        ),
        Err(Trouble::Other(error)) => return Err(error.context("`kind get clusters`")),
        // It asks the engine, which is what hangs; the engine is asked next.
        Err(Trouble::Hangs) => return engine_answers(programs).map(|()| Vec::new()),
    };
    if !said.succeeded {
        // Mostly it is the engine, and then that says it better.
        engine_answers(programs)?;
        bail!("`kind get clusters` failed: {}", said.last_line());
    }
    Ok(said.stdout.lines().map(|line| line.trim().to_owned()).collect())
}

fn engine_answers(programs: &Programs) -> Result<()> {
    let engine = &programs.engine;
    let else_local = "or use --cluster local, which needs no containers";
    match program::ask(&mut programs.engine(&["version"]), programs.engine_limit) {
        Ok(said) if said.succeeded => Ok(()),
        Ok(said) => bail!(
            "{engine} is there, but its engine does not answer: {}. Start it (such as \
             `sudo systemctl start {engine}`), see that you may use it, {else_local}",
            said.last_line().trim_end_matches('.')
        ),
        Err(Trouble::Missing) => bail!(
            "{engine} is not on PATH, and kind runs its nodes in containers: install it \
             (https://docs.docker.com/engine/install), name another engine in \
             KIND_EXPERIMENTAL_PROVIDER (podman, nerdctl), {else_local}"
        ),
        Err(Trouble::Hangs) => bail!(
            "`{engine} version` has said nothing for {:?}: its engine hangs. Restart it, {else_local}",
            programs.engine_limit
        ),
        Err(Trouble::Other(error)) => Err(error),
    }
}

/// Sees that the image is there, and pulls it if it is not.
fn have_image(programs: &Programs, image: &str) -> Result<()> {
    let mut inspect = programs.engine(&["image", "inspect", "--format", "{{.Id}}", image]);
    if matches!(program::ask(&mut inspect, LIMIT), Ok(Said { succeeded: true, .. })) {
        return Ok(());
    }
    say(&format!("pulling {image}\n"));
    program::must(&mut programs.engine(&["pull", image]), PULL_LIMIT)
        .map(drop)
        .with_context(|| no_image(image))
}

fn no_image(image: &str) -> String {
    format!(
        "there is no image {image} here, and none could be pulled: name one that can be had \
         by --kind-image or KIND_IMAGE (https://github.com/kubernetes-sigs/kind/releases lists \
         those of each version), load it by hand, or use --cluster local"
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
    match program::ask(&mut command, CREATE_LIMIT) {
        Ok(said) if said.succeeded => Ok(()),
        Ok(said) => {
            say(&said.stderr);
            let why = reason(&said);
            if why.contains("pull image") {
                bail!("{}: {why}", no_image(image.unwrap_or("of kind's own choice")));
            }
            bail!("kind could not make the cluster: {why}")
        }
        Err(Trouble::Missing) => bail!("kind was on PATH just now, and is gone"),
        Err(Trouble::Hangs) => bail!("kind was not done after {CREATE_LIMIT:?}"),
        Err(Trouble::Other(error)) => Err(error),
    }
}

/// The line in which kind says what went wrong; what it says after that is a trace.
fn reason(said: &Said) -> String {
    let line = said.stderr.lines().find(|line| line.starts_with("ERROR:"));
    line.unwrap_or_else(|| said.last_line()).to_owned()
}

/// A file that goes with the value, and that others may not read.
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
        // It may never have been written.
        let _ = fs::remove_file(&self.0);
    }
}
