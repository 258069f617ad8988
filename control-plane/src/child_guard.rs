//! A guard for a child process: the server does not outlive its owner.
//!
//! The owning process cannot clean up when it is killed with SIGKILL, so a shell watches on its behalf.
//! The shell reads from a pipe whose other end only the owner holds. When the owner ends, or drops the
//! guard, the shell reads the end of the file and kills the server.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context as _, Result, anyhow};
use rustix::process::{Pid, Signal, kill_process};

/// Runs the program in `"$@"` until it ends or stdin does, with its output appended to the file `$1`.
///
/// The program inherits neither the pipe nor stdout, through which the shell returns the pid. The order
/// matters in two places:
///
/// * The watcher starts before the pid is printed. If the owner has already ended, printing kills the
///   shell, and only the watcher is left to end the program.
/// * The watcher is killed right after the program has ended, before the kernel can reuse the pid.
const SCRIPT: &str = r#"
log=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- >>"$log" 2>&1 &
server=$!
{ read -r _; kill -9 "$server"; } <&3 3<&- >/dev/null 2>&1 &
watcher=$!
exec 3<&-
echo "$server"
exec >/dev/null 2>&1
wait "$server"
kill -9 "$watcher"
wait "$watcher"
"#;

/// A running server. Dropping the guard kills the server and waits until it has ended.
#[derive(Debug)]
pub struct ChildGuard {
    name: &'static str,
    // In a mutex because `Child::try_wait` takes `&mut`.
    shell: Mutex<Child>,
    server: Pid,
    log: PathBuf,
}

impl ChildGuard {
    /// Starts `program` and appends its output to the file `log`.
    ///
    /// # Errors
    ///
    /// If the log cannot be written, or `/bin/sh` cannot be run. A program that cannot be run ends at once,
    /// which [`check`](Self::check) reports.
    pub fn start(name: &'static str, program: &Path, args: &[String], log: &Path) -> Result<Self> {
        // The shell could not report that it cannot write the log, so that is found out here.
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("could not write the log {}", log.display()))?;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, name])
            .arg(log)
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C goes to the owner alone, whose end also ends the server.
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not run /bin/sh to start {name}"))?;

        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .with_context(|| format!("could not read the pid of {name}"))?;
        }
        let server = line
            .trim()
            .parse()
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| anyhow!("/bin/sh printed {line:?} as the pid of {name}"))?;
        Ok(Self { name, shell: Mutex::new(shell), server, log: log.to_owned() })
    }

    /// Returns the pid of the server itself, not of the shell.
    pub fn pid(&self) -> u32 {
        self.server.as_raw_nonzero().get().unsigned_abs()
    }

    /// Returns whether the server is still running.
    pub fn is_running(&self) -> bool {
        let mut shell = self.shell.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The shell ends right after the server.
        matches!(shell.try_wait(), Ok(None))
    }

    /// Checks that the server is still running.
    ///
    /// # Errors
    ///
    /// If it has ended. The error contains the end of its log.
    pub fn check(&self) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        Err(anyhow!("{} ended by itself; {}", self.name, crate::log_tail::of(&self.log)))
    }

    /// Sends a signal to the server.
    ///
    /// # Errors
    ///
    /// If the server is no longer running.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.check()?;
        kill_process(self.server, signal)
            .with_context(|| format!("could not signal {} (pid {})", self.name, self.pid()))
    }

    /// Kills the server with SIGKILL, like a crash, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// As [`signal`](Self::signal).
    pub fn kill(self) -> Result<()> {
        self.signal(Signal::KILL)
        // Dropping waits.
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(shell.stdin.take());
        // The shell ends after it has reaped the server. Drop has no way to report an error.
        let _ = shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;
    use rustix::process::test_kill_process;

    fn sleep(dir: &Path) -> ChildGuard {
        let args = ["1000".to_owned()];
        ChildGuard::start("sleep", Path::new("sleep"), &args, &dir.join("log")).unwrap()
    }

    #[test]
    fn dropping_it_kills_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let guard = sleep(dir.path());
        let server = guard.server;
        assert!(guard.is_running());
        test_kill_process(server).unwrap();
        drop(guard);
        test_kill_process(server).unwrap_err();
    }

    #[test]
    fn a_stopped_server_can_be_killed() {
        let dir = tempfile::tempdir().unwrap();
        let guard = sleep(dir.path());
        let server = guard.server;
        guard.signal(Signal::STOP).unwrap();
        guard.kill().unwrap();
        test_kill_process(server).unwrap_err();
    }

    #[test]
    fn the_end_of_a_server_is_reported_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let args = ["-c".to_owned(), "echo no luck today; exit 3".to_owned()];
        let guard =
            ChildGuard::start("sh", Path::new("/bin/sh"), &args, &dir.path().join("log")).unwrap();
        crate::wait::until("the end", std::time::Duration::from_secs(10), || {
            Ok(if guard.is_running() {
                crate::wait::Look::NotYet("running".to_owned())
            } else {
                crate::wait::Look::Done(())
            })
        })
        .unwrap();
        let error = guard.check().unwrap_err().to_string();
        assert!(error.contains("no luck today"), "{error}");
    }

    #[test]
    fn the_server_has_no_part_in_the_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let args = ["-c".to_owned(), "ls -l /proc/self/fd; exec sleep 1000".to_owned()];
        let guard = ChildGuard::start("sh", Path::new("/bin/sh"), &args, &log).unwrap();
        let listing = crate::wait::until("a listing", std::time::Duration::from_secs(10), || {
            let text = fs::read_to_string(&log)?;
            Ok(if text.contains(" 2 -> ") {
                crate::wait::Look::Done(text)
            } else {
                crate::wait::Look::NotYet(text)
            })
        })
        .unwrap();
        assert!(listing.contains(" 0 -> /dev/null"), "{listing}");
        // Others may be there, inherited by this very process from its own parent.
        let shell = guard.shell.lock().unwrap();
        let descriptor = shell.stdin.as_ref().unwrap().as_raw_fd();
        let pipe = fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap();
        assert!(!listing.contains(pipe.to_str().unwrap()), "{} in {listing}", pipe.display());
    }
}
