//! A run of a program that ends, with all that it started.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::shell;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program that has ended by itself.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command`, whose output goes to files that begin with `log`.
///
/// # Errors
///
/// If it cannot be started, or has not ended after `limit`: its process group is killed then.
pub(crate) fn run(command: &Command, limit: Duration, log: &Path) -> Result<Ran> {
    let (stdout, stderr) = (log.with_extension("stdout"), log.with_extension("stderr"));
    let create = |path: &Path| {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        File::create(path)
    };
    let shown = |path: &Path| format!("failed to write {}", path.display());
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = shell::on_leash(command)
        .stdin(Stdio::piped())
        .stdout(create(&stdout).with_context(|| shown(&stdout))?)
        .stderr(create(&stderr).with_context(|| shown(&stderr))?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("failed to run {program}"))?;
    let leash = child.stdin.take();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            // Ends the whole group.
            drop(leash);
            child.wait()?;
            bail!("{program} has not ended after {limit:?}; its output is in {}", stdout.display());
        }
        thread::sleep(LOOK_EVERY);
    };
    drop(leash);
    let read = |path: &Path| {
        let bytes = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        anyhow::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Ran { status, stdout: read(&stdout)?, stderr: read(&stderr)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Folder;

    const MINUTE: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_status_are_taken_down() {
        let folder = Folder::new("process");
        let script = "echo out; echo err >&2; exit 3";
        let ran = run(&sh(script), MINUTE, &folder.path.join("a/b")).unwrap();
        assert_eq!(ran.status.code(), Some(3));
        assert_eq!((&*ran.stdout, &*ran.stderr), ("out\n", "err\n"));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let folder = Folder::new("process-hangs");
        let pipe = folder.path.join("pipe");
        let made = run(&sh(&format!("mkfifo {}", pipe.display())), MINUTE, &folder.path.join("a"));
        assert!(made.unwrap().status.success());
        // Reading ends when the last process that could write is gone.
        let (sender, gone) = std::sync::mpsc::channel();
        let reader = pipe.clone();
        thread::spawn(move || sender.send(fs::read(reader)));
        let script = format!("sleep 600 >{} & wait", pipe.display());
        let limit = Duration::from_millis(300);
        let error = run(&sh(&script), limit, &folder.path.join("b")).unwrap_err();
        assert!(error.to_string().contains("has not ended after 300ms"), "{error}");
        gone.recv_timeout(MINUTE).expect("the child has ended").unwrap();
    }
}
