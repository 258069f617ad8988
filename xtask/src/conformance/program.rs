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
pub(super) struct Said {
    pub(super) succeeded: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Said {
    /// The last line that is not empty, which usually names the error.
    pub(super) fn last_line(&self) -> &str {
        let lines = self.stdout.lines().chain(self.stderr.lines());
        lines.map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it printed nothing")
    }
}

/// Why a program could not be run to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is not on PATH.
    Missing,
    /// It took too long.
    Hangs,
    /// Anything else.
    Other(anyhow::Error),
}

/// Runs a program and captures its output.
pub(super) fn ask(command: &mut Command, limit: Duration) -> Result<Said, Trouble> {
    let name = command.get_program().to_string_lossy().into_owned();
    let spawned =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Trouble::Missing),
        Err(error) => {
            let error = anyhow::Error::new(error).context(format!("failed to run {name}"));
            return Err(Trouble::Other(error));
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
                return Err(Trouble::Hangs);
            }
            Ok(None) => thread::sleep(LOOK_EVERY),
            Err(error) => return Err(Trouble::Other(error.into())),
        }
    };
    let output = |listener: Option<thread::JoinHandle<String>>| {
        listener.and_then(|listener| listener.join().ok()).unwrap_or_default()
    };
    Ok(Said { succeeded: status.success(), stdout: output(stdout), stderr: output(stderr) })
}

fn listen(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // After a read error, what came before it is kept.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// [`ask`], where every trouble is an error.
pub(super) fn must(command: &mut Command, limit: Duration) -> Result<Said> {
    let name = command.get_program().to_string_lossy().into_owned();
    let words = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    match ask(command, limit) {
        Ok(said) if said.succeeded => Ok(said),
        Ok(said) => bail!("`{name} {words}` failed: {}", said.last_line()),
        Err(Trouble::Missing) => bail!("{name} is not on PATH"),
        Err(Trouble::Hangs) => bail!("`{name} {words}` took longer than {limit:?}"),
        Err(Trouble::Other(error)) => Err(error).context(format!("`{name} {words}`")),
    }
}
