//! The protocol between the commands and the supervisor: one line of JSON for the
//! request, and one for the answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::duration;

/// Longer than a working peer takes to answer, `down` included.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Request {
    Status,
    Down,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The servers are not ready yet.
    Starting {
        supervisor: u32,
    },
    Up(Box<Up>),
    /// The servers have stopped, and the supervisor is about to exit.
    Down,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Up {
    pub(super) version: String,
    pub(super) address: SocketAddr,
    pub(super) kubeconfig: PathBuf,
    pub(super) supervisor: u32,
    pub(super) api_server: Option<u32>,
    pub(super) etcd: Option<u32>,
    pub(super) uptime: Duration,
    pub(super) remaining: Duration,
}

impl Up {
    /// Describes the servers, one property per line.
    pub(super) fn describe(&self) -> String {
        let pid =
            |pid: Option<u32>| pid.map_or_else(|| "exited".to_owned(), |pid| format!("pid {pid}"));
        format!(
            "version         {}\n\
             address         https://{}\n\
             kubeconfig      {}\n\
             kube-apiserver  {}\n\
             etcd            {}\n\
             supervisor      pid {}\n\
             up for          {}, and for another {}\n",
            self.version,
            self.address,
            self.kubeconfig.display(),
            pid(self.api_server),
            pid(self.etcd),
            self.supervisor,
            duration::show(self.uptime),
            duration::show(self.remaining),
        )
    }
}

/// Sends a request to the supervisor and returns its answer.
pub(super) fn ask(stream: &UnixStream, request: Request) -> Result<Answer> {
    let ask = || {
        stream.set_read_timeout(Some(PATIENCE))?;
        send(stream, &request)?;
        receive(stream)
    };
    ask().context("the cluster's supervisor did not answer")
}

/// Sends one line.
pub(super) fn send(mut stream: &UnixStream, message: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(message)?;
    Ok(writeln!(stream, "{line}")?)
}

/// Receives one line.
pub(super) fn receive<T: for<'de> Deserialize<'de>>(stream: &UnixStream) -> Result<T> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if line.is_empty() {
        bail!("the connection was closed");
    }
    serde_json::from_str(&line).with_context(|| format!("invalid message: {}", line.trim()))
}
