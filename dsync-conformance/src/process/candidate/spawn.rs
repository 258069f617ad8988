//! The parent's side of a candidate.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::child_guard::{self, ChildGuard};
use super::message::{CandidateEvent, Message};
use super::orders::{Orders, VARIABLE};
use super::signal::{self, Signal};
use super::{child, clock};
use crate::Harness;

/// A candidate in a process of its own.
///
/// The process is killed when this value is dropped, and ends by itself if its parent dies without
/// dropping it.
#[derive(Debug)]
pub struct Candidate {
    child: Child,
    /// It ends when this is closed.
    stdin: ChildStdin,
    messages: mpsc::UnboundedReceiver<Message>,
    /// Reads the candidate's messages all the time, so that a full pipe never blocks the candidate.
    _reader: JoinSet<()>,
    _guard: ChildGuard,
}

impl Candidate {
    /// Starts this program again as a candidate. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns an error if the harness has no [`environment`](Harness::environment), if the system has no signals,
    /// or if the process cannot be started.
    pub fn spawn(harness: &dyn Harness, orders: &Orders) -> io::Result<Self> {
        if !cfg!(unix) {
            return Err(signal::unsupported());
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
        let (mut child, guard) = child_guard::start(command)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the candidate has no stdin or stdout"));
        };
        let (sender, messages) = mpsc::unbounded_channel();
        let mut reader = JoinSet::new();
        reader.spawn(read(stdout, sender));
        Ok(Self { child, stdin, messages, _reader: reader, _guard: guard })
    }

    /// Waits for its next message. Returns `None` when it has ended and every message was read.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropping the future loses no message.
    pub async fn next(&mut self) -> Option<Message> {
        self.messages.recv().await
    }

    /// Takes the messages that have arrived since the last call.
    pub fn received(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.messages.try_recv().ok()).collect()
    }

    /// Returns whether it has ended and every message was read.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.messages.is_closed() && self.messages.is_empty()
    }

    /// Returns its process id, or `None` if it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Suspends it (SIGSTOP) and returns an instant just before that, on the clock of [`Message`].
    ///
    /// # Errors
    ///
    /// Returns an error if it has ended.
    pub fn pause(&self) -> io::Result<Duration> {
        let before = clock::now();
        self.signal(Signal::Stop)?;
        Ok(before)
    }

    /// Resumes it (SIGCONT) and returns an instant just after that.
    ///
    /// # Errors
    ///
    /// Returns an error if it has ended.
    pub fn resume(&self) -> io::Result<Duration> {
        self.signal(Signal::Continue)?;
        Ok(clock::now())
    }

    /// Kills it (SIGKILL), even while it is suspended, and waits until it is gone.
    ///
    /// Returns an instant just before the kill. Messages with a later instant were written while it
    /// died.
    ///
    /// # Errors
    ///
    /// Returns an error if it has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the kill.
    pub async fn kill(&mut self) -> io::Result<Duration> {
        let before = clock::now();
        self.child.kill().await?;
        Ok(before)
    }

    /// Asks it to stop in an orderly way and waits until it has.
    ///
    /// # Errors
    ///
    /// Returns an error if the request cannot be written.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the request unsent; once it was sent, the candidate stops.
    pub async fn stop(&mut self) -> io::Result<ExitStatus> {
        self.stdin.write_all(format!("{}\n", child::STOP).as_bytes()).await?;
        self.stdin.flush().await?;
        self.child.wait().await
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.child.id().ok_or_else(|| io::Error::other("the candidate has ended"))?;
        signal::send(pid, signal)
    }
}

async fn read(stdout: ChildStdout, sender: mpsc::UnboundedSender<Message>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let message = serde_json::from_str(&line)
            .unwrap_or_else(|_| Message { at: clock::now(), event: CandidateEvent::Line(line) });
        if sender.send(message).is_err() {
            return;
        }
    }
}
