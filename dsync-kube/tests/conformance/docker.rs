//! Stops and starts a node of a kind cluster, which is a container of docker.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::harness::ServerControl;

use crate::client::config;

fn internal(error: &anyhow::Error) -> Error {
    Error::ambiguous(ErrorKind::Internal, format!("{error:#}"))
}

/// One of the control planes of a kind cluster: a node, with its API server and its etcd.
#[derive(Debug)]
pub(crate) struct Docker {
    program: PathBuf,
    nodes: Vec<String>,
    kubeconfig: PathBuf,
}

/// How long the cluster may take to answer after a node was started again.
const PATIENCE: Duration = Duration::from_secs(180);

impl Docker {
    /// The nodes of the cluster `name`, by the program `docker`.
    pub(crate) fn of_cluster(
        program: &Path,
        name: &str,
        kubeconfig: &Path,
    ) -> anyhow::Result<Self> {
        let cluster = format!("label=io.x-k8s.kind.cluster={name}");
        let role = "label=io.x-k8s.kind.role=control-plane";
        let all = ["ps", "--format", "{{.Names}}", "--filter", &cluster, "--filter", role];
        let listed = run(program, &all)?;
        let mut nodes: Vec<String> = listed.split_whitespace().map(str::to_owned).collect();
        nodes.sort();
        if nodes.is_empty() {
            bail!("docker shows no control plane of a kind cluster named {name}");
        }
        Ok(Self { program: program.to_owned(), nodes, kubeconfig: kubeconfig.to_owned() })
    }

    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The last node: the first has often led etcd since the cluster was created.
    fn victim(&self) -> &str {
        self.nodes.last().map_or("", String::as_str)
    }

    fn act(&self, verb: &str) -> Result<()> {
        run(&self.program, &[verb, self.victim()]).map(drop).map_err(|error| internal(&error))
    }

    /// Waits until the cluster answers.
    async fn answers(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let version = async {
                let client = kube::Client::try_from(config(&self.kubeconfig).await?)?;
                anyhow::Ok(client.apiserver_version().await?)
            };
            match tokio::time::timeout(Duration::from_secs(5), version).await {
                Ok(Ok(_)) => return Ok(()),
                other if Instant::now() > until => {
                    let text = format!("the cluster does not answer: {other:?}");
                    return Err(Error::ambiguous(ErrorKind::Unavailable, text));
                }
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

fn run(program: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let command = format!("{} {}", program.display(), arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("failed to run `{command}`; is docker installed?"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{command}` failed ({}): {}", output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[async_trait]
impl ServerControl for Docker {
    async fn kill(&self) -> Result<()> {
        self.act("kill")
    }

    async fn start(&self) -> Result<()> {
        self.act("start")?;
        self.answers().await
    }

    async fn pause(&self) -> Result<()> {
        self.act("pause")
    }

    async fn resume(&self) -> Result<()> {
        self.act("unpause")?;
        self.answers().await
    }
}
