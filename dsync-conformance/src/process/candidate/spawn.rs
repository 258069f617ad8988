//! The parent's side of a candidate.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::leash::{self, Leash};
use super::said::{Said, What};
use super::signal::{self, Signal};
use super::{Orders, VARIABLE, clock, play};
use crate::Harness;

/// A candidate in a process of its own. It is killed when this is dropped, and ends by itself
/// when the process that owns this ends in any other way.
#[derive(Debug)]
pub struct Candidate {
    child: Child,
    /// It ends when this is closed.
    stdin: ChildStdin,
    said: mpsc::UnboundedReceiver<Said>,
    /// Reads what it says, so that it never has to wait for somebody to listen.
    _reader: JoinSet<()>,
    _leash: Leash,
}

impl Candidate {
    /// Starts this program once more, as a candidate. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the harness has no [`environment`](Harness::environment), on systems without signals,
    /// and when the process cannot be started.
    pub fn spawn(harness: &dyn Harness, orders: &Orders) -> io::Result<Self> {
        if !cfg!(unix) {
            return Err(unsupported());
        }
        let environment = harness.environment().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                "the harness does not say how another process reaches the store \
                 (Harness::environment)",
            )
        })?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .envs(environment)
            .env(VARIABLE, serde_json::to_string(orders)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let (mut child, leash) = leash::start(command)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the candidate has no stdin or stdout"));
        };
        let (sender, said) = mpsc::unbounded_channel();
        let mut reader = JoinSet::new();
        reader.spawn(read(stdout, sender));
        Ok(Self { child, stdin, said, _reader: reader, _leash: leash })
    }

    /// The next thing that it says; `None` when it has ended and everything was heard.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost.
    pub async fn next(&mut self) -> Option<Said> {
        self.said.recv().await
    }

    /// What it has said and nobody has heard.
    pub fn heard(&mut self) -> Vec<Said> {
        std::iter::from_fn(|| self.said.try_recv().ok()).collect()
    }

    /// Whether it has ended and everything that it has said was heard.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.said.is_closed() && self.said.is_empty()
    }

    /// Its process id; `None` when it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Stops it in its tracks (SIGSTOP). An instant before that, on the clock of [`Said`].
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn pause(&self) -> io::Result<Duration> {
        let before = clock::now();
        self.signal(Signal::Stop)?;
        Ok(before)
    }

    /// Lets it go on (SIGCONT). An instant after that.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn resume(&self) -> io::Result<Duration> {
        self.signal(Signal::Continue)?;
        Ok(clock::now())
    }

    /// Kills it (SIGKILL), also while it is paused, and waits until it is gone. An instant before
    /// that; what it says after it, it said while dying.
    ///
    /// # Errors
    ///
    /// When it has ended.
    ///
    /// # Cancel safety
    ///
    /// It is killed in any case.
    pub async fn kill(&mut self) -> io::Result<Duration> {
        let before = clock::now();
        self.child.kill().await?;
        Ok(before)
    }

    /// Tells it to stop in an orderly way, and waits until it has.
    ///
    /// # Errors
    ///
    /// When it cannot be told.
    ///
    /// # Cancel safety
    ///
    /// It stops in any case.
    pub async fn stop(&mut self) -> io::Result<ExitStatus> {
        self.stdin.write_all(format!("{}\n", play::STOP).as_bytes()).await?;
        self.stdin.flush().await?;
        self.child.wait().await
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.child.id().ok_or_else(|| io::Error::other("the candidate has ended"))?;
        signal::send(pid, signal)
    }
}

async fn read(stdout: ChildStdout, sender: mpsc::UnboundedSender<Said>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let said = serde_json::from_str(&line)
            .unwrap_or_else(|_| Said { at: clock::now(), what: What::Line(line) });
        if sender.send(said).is_err() {
            return;
        }
    }
}

pub(super) fn unsupported() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "candidates in processes of their own take a Unix system: they are stopped by signals",
    )
}
