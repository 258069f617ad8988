//! Runs a command, forwards its output, and leaves no process behind.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::output::say;

/// No command takes longer than this unless it hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(40 * 60);
/// How long to wait for more output after the command has ended.
const GRACE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs `"$@"` in a process group that is killed when stdin is closed. Stdin is a pipe whose other
/// end only this program holds, so the group ends when the command is done, when it takes too long,
/// and when this program is killed.
const SCRIPT: &str = r#"
exec 3<&0 </dev/null
{ read -r _; kill -9 0; } <&3 3<&- >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// Runs `command` and passes each line of its stdout to `on_line`.
///
/// Returns `Ok(false)` if the command failed.
pub(crate) fn run(
    command: &Command,
    limit: Duration,
    mut on_line: impl FnMut(&str),
) -> Result<bool> {
    let name = shown(command);
    say(&format!("$ {name}\n"));
    let mut child = on_leash(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("failed to run {name}"))?;
    let stdin = child.stdin.take();
    let Some(output) = child.stdout.take() else { bail!("cannot read the output of {name}") };
    let lines = lines_of(output);
    let started = Instant::now();
    let ended = loop {
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => pass_on(&line, &mut on_line),
            Err(RecvTimeoutError::Timeout) => {}
            // The output is closed, so only wait for the command to exit.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK_EVERY),
        }
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > limit {
            break None;
        }
    };
    // Closing stdin kills the processes that the command left running, which may hold the pipe
    // open.
    drop(stdin);
    let ending = Instant::now();
    while let Ok(line) = lines.recv_timeout(GRACE.saturating_sub(ending.elapsed())) {
        pass_on(&line, &mut on_line);
    }
    let Some(status) = ended else {
        let _ = child.wait();
        bail!("`{name}` took longer than {limit:?} and was killed");
    };
    Ok(status.success())
}

fn pass_on(line: &str, on_line: &mut impl FnMut(&str)) {
    say(line);
    on_line(line.trim_end());
}

/// Returns the lines of `output` with their line ends, until the last writer has closed it.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // Read bytes: a line that is not UTF-8 must not stop the reader, which would end the
        // command.
        while output.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

/// Wraps `command` in a shell that kills its process group when stdin is closed.
pub(crate) fn on_leash(command: &Command) -> Command {
    let mut leashed = Command::new("/bin/sh");
    leashed.args(["-c", SCRIPT, "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => leashed.env(name, value),
            None => leashed.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        leashed.current_dir(dir);
    }
    leashed
}

/// Formats the command as it would be typed.
fn shown(command: &Command) -> String {
    let program = command.get_program();
    let program = std::path::Path::new(program).file_name().unwrap_or(program);
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn success_and_failure_are_reported_and_lines_are_passed_on() {
        let mut lines = Vec::new();
        let on_line = |line: &str| lines.push(line.to_owned());
        assert!(run(&sh("echo one; printf '\\377\\n'; echo two"), LIMIT, on_line).unwrap());
        assert_eq!(lines, ["one", "\u{fffd}", "two"]);
        assert!(!run(&sh("exit 3"), LIMIT, |_| {}).unwrap());
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed() {
        let error = run(&sh("sleep 600 & sleep 600"), Duration::from_millis(100), |_| {});
        assert!(error.unwrap_err().to_string().contains("took longer than 100ms"));
    }

    #[test]
    fn processes_that_a_command_leaves_running_are_killed() {
        let mut left = String::new();
        let started = Instant::now();
        assert!(run(&sh("sleep 600 & echo $!"), LIMIT, |line| left = line.to_owned()).unwrap());
        // The process held the pipe open, so `run` returned early only if the process was killed.
        assert!(started.elapsed() < GRACE, "process {left} is still running");
    }
}
