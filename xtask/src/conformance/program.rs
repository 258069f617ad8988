//! Runs other programs and captures their output.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The output of a program, and whether it succeeded.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) succeeded: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Output {
    /// Returns the last line that is not empty, which usually names the error.
    pub(super) fn last_line(&self) -> &str {
        let lines = self.stdout.lines().chain(self.stderr.lines());
        lines.map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it printed nothing")
    }
}

/// The reason why a program could not be run to completion.
#[derive(Debug)]
pub(super) enum RunError {
    /// The program is not on PATH.
    Missing,
    /// The program took too long.
    Hangs,
    /// Any other error.
    Other(anyhow::Error),
}

/// Runs a program and captures its output.
pub(super) fn run(command: &mut Command, limit: Duration) -> Result<Output, RunError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let spawned =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(RunError::Missing);
        }
        Err(error) => {
            let error = anyhow::Error::new(error).context(format!("failed to run {name}"));
            return Err(RunError::Other(error));
        }
    };
    let stdout = child.stdout.take().map(listen);
    let stderr = child.stderr.take().map(listen);
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(RunError::Hangs);
            }
            Ok(None) => thread::sleep(LOOK_EVERY),
            Err(error) => return Err(RunError::Other(error.into())),
        }
    };
    let output = |listener: Option<thread::JoinHandle<String>>| {
        listener.and_then(|listener| listener.join().ok()).unwrap_or_default()
    };
    Ok(Output { succeeded: status.success(), stdout: output(stdout), stderr: output(stderr) })
}

fn listen(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // After a read error, keep the output read before it.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Like [`run`], but returns an error if the program fails.
pub(super) fn run_checked(command: &mut Command, limit: Duration) -> Result<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    let words = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    match run(command, limit) {
        Ok(output) if output.succeeded => Ok(output),
        Ok(output) => bail!("`{name} {words}` failed: {}", output.last_line()),
        Err(RunError::Missing) => bail!("{name} is not on PATH"),
        Err(RunError::Hangs) => bail!("`{name} {words}` took longer than {limit:?}"),
        Err(RunError::Other(error)) => Err(error).context(format!("`{name} {words}`")),
    }
}
