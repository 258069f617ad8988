//! Runs a command, passes its output on, and lets nothing of it stay.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::output::say;

/// No command here takes that long; what does, hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(40 * 60);
/// How long output may still come after the command has ended.
const GRACE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs `"$@"` in a process group that ends with stdin, which is a pipe whose other end only we
/// hold: when the command is done, when it takes too long, and when we are killed outright.
const SCRIPT: &str = r#"
exec 3<&0 </dev/null
{ read -r _; kill -9 0; } <&3 3<&- >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// Runs `command` and hands each line of its stdout to `hear`. `Ok(false)`: it failed.
pub(crate) fn run(command: &Command, limit: Duration, mut hear: impl FnMut(&str)) -> Result<bool> {
    let name = shown(command);
    say(&format!("$ {name}\n"));
    let mut child = on_leash(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .with_context(|| format!("failed to run {name}"))?;
    let leash = child.stdin.take();
    let Some(output) = child.stdout.take() else { bail!("no output of {name}") };
    let lines = lines_of(output);
    let started = Instant::now();
    let ended = loop {
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => pass_on(&line, &mut hear),
            Err(RecvTimeoutError::Timeout) => {}
            // Then all that is left to do is to end.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK_EVERY),
        }
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > limit {
            break None;
        }
    };
    // Whatever it left running goes as well, and with it the last writers to the pipe.
    drop(leash);
    let ending = Instant::now();
    while let Ok(line) = lines.recv_timeout(GRACE.saturating_sub(ending.elapsed())) {
        pass_on(&line, &mut hear);
    }
    let Some(status) = ended else {
        let _ = child.wait();
        bail!("`{name}` took longer than {limit:?} and was ended");
    };
    Ok(status.success())
}

fn pass_on(line: &str, hear: &mut impl FnMut(&str)) {
    say(line);
    hear(line.trim_end());
}

/// The lines of `output`, each with its end, until the last writer is gone.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // Bytes: a line that isn't UTF-8 must not end the reading, and with it the command.
        while output.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

/// `command` in a shell that ends its process group with stdin.
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

/// What a person would type.
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
    fn it_tells_success_from_failure_and_hears_the_lines() {
        let mut heard = Vec::new();
        let hear = |line: &str| heard.push(line.to_owned());
        assert!(run(&sh("echo one; printf '\\377\\n'; echo two"), LIMIT, hear).unwrap());
        assert_eq!(heard, ["one", "\u{fffd}", "two"]);
        assert!(!run(&sh("exit 3"), LIMIT, |_| {}).unwrap());
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let error = run(&sh("sleep 600 & sleep 600"), Duration::from_millis(100), |_| {});
        assert!(error.unwrap_err().to_string().contains("took longer than 100ms"));
    }

    #[test]
    fn what_a_command_leaves_running_is_ended() {
        let mut left = String::new();
        let started = Instant::now();
        assert!(run(&sh("sleep 600 & echo $!"), LIMIT, |line| left = line.to_owned()).unwrap());
        // It held the pipe that we read from; reading to its end proves that it is gone.
        assert!(started.elapsed() < GRACE, "{left} still runs");
    }
}
