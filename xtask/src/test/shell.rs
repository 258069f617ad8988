//! Runs a command, shows its output, and ends it when it takes too long.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::tally::Tally;
use crate::output::say;

/// Nothing here takes that long; what does, hangs.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// Runs `command` in the root of the workspace. `Ok(false)`: it failed.
pub(crate) fn run(command: &mut Command, tally: &mut Tally) -> Result<bool> {
    let name = format!("{} {}", command.get_program().display(), arguments(command));
    say(&format!("$ {name}\n"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("failed to run {name}"))?;
    let Some(output) = child.stdout.take() else { bail!("no output of {name}") };
    let (lines, received) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    let deadline = Instant::now() + LIMIT;
    loop {
        match received.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                tally.read(&line);
                say(&format!("{line}\n"));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                    let _ = kill_process_group(group, Signal::KILL);
                }
                let _ = child.wait();
                bail!("{name} took longer than {LIMIT:?} and was ended");
            }
        }
    }
    Ok(child.wait()?.success())
}

fn arguments(command: &Command) -> String {
    command.get_args().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
