//! What the commands and the supervisor say to each other: one line with the
//! request, one line of JSON with the answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::duration;

/// Longer than any honest peer takes, `down` included.
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
    /// The servers are gone and the supervisor is about to be.
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
    /// Everything there is to know, a line each.
    pub(super) fn describe(&self) -> String {
        let pid = |pid: Option<u32>| {
            pid.map_or_else(|| "ended by itself".to_owned(), |pid| format!("pid {pid}"))
        };
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

/// Asks the supervisor at the other end.
pub(super) fn ask(stream: &UnixStream, request: Request) -> Result<Answer> {
    let ask = || {
        stream.set_read_timeout(Some(PATIENCE))?;
        send(stream, &request)?;
        receive(stream)
    };
    ask().context("the cluster's supervisor gave no answer")
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
        bail!("it hung up");
    }
    serde_json::from_str(&line).with_context(|| format!("not understood: {}", line.trim()))
}
