//! `cargo xtask cluster up`

use std::fs::File;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::place::{ClusterDir, Lock, SUPERVISE};
use super::protocol::{self, Answer, Request, Up};
use crate::output::say;

pub(super) fn run(cluster_dir: &ClusterDir, stay: Duration) -> Result<ExitCode> {
    let _lock = match cluster_dir.lock_for_up()? {
        Lock::Taken(file) => file,
        Lock::Busy(file) => {
            say("another `cargo xtask cluster up` is running; waiting for it\n");
            file.lock().context("could not wait for the other `up`")?;
            file
        }
    };
    if let Some(up) = look(cluster_dir)? {
        say(&format!("already up\n{}", describe(&up)));
        return Ok(ExitCode::SUCCESS);
    }
    let supervisor = match cluster_dir.lock_for_supervisor()? {
        // Another supervisor is still starting or stopping; see `wait`.
        Lock::Busy(_) => None,
        Lock::Taken(file) => {
            // Search here as well as in the supervisor: a build takes minutes, and
            // its progress should be visible in the terminal. The supervisor then
            // finds the programs at once.
            control_plane::binaries::find(|line| say(&format!("{line}\n")))?;
            drop(file);
            Some(start_supervisor(cluster_dir, stay)?)
        }
    };
    say("starting kube-apiserver and etcd\n");
    let up = wait(cluster_dir, supervisor)?;
    say(&format!("up\n{}", describe(&up)));
    Ok(ExitCode::SUCCESS)
}

/// Returns the servers, if they are running.
pub(super) fn look(cluster_dir: &ClusterDir) -> Result<Option<Up>> {
    let Some(stream) = cluster_dir.connect()? else { return Ok(None) };
    match protocol::ask(&stream, Request::Status) {
        Ok(Answer::Up(up)) => Ok(Some(*up)),
        // Without an answer, the supervisor is just ending.
        Ok(_) | Err(_) => Ok(None),
    }
}

fn start_supervisor(cluster_dir: &ClusterDir, stay: Duration) -> Result<Child> {
    let path = cluster_dir.log();
    let log = File::create(&path)
        .and_then(|file| Ok((file.try_clone()?, file)))
        .with_context(|| format!("could not write {}", path.display()))?;
    let program = std::env::current_exe().context("could not find this program itself")?;
    Command::new(program)
        .args(["cluster", SUPERVISE, "--for", &format!("{}s", stay.as_secs())])
        .stdin(Stdio::null())
        .stdout(log.0)
        .stderr(log.1)
        .spawn()
        .context("could not start the cluster's supervisor")
}

/// Waits until the servers are running or their supervisor has exited. The wait is
/// bounded, since the supervisor has time limits of its own.
fn wait(cluster_dir: &ClusterDir, mut supervisor: Option<Child>) -> Result<Up> {
    const EVERY: Duration = Duration::from_millis(50);
    loop {
        if let Some(up) = look(cluster_dir)? {
            return Ok(up);
        }
        let ended = match &mut supervisor {
            Some(child) => child.try_wait().context("could not check on the supervisor")?.is_some(),
            None => matches!(cluster_dir.lock_for_supervisor()?, Lock::Taken(_)),
        };
        if ended {
            bail!(
                "the cluster's supervisor ended early; the end of {}:\n{}",
                cluster_dir.log().display(),
                cluster_dir.end_of_log()
            );
        }
        thread::sleep(EVERY);
    }
}

/// Describes the servers and how to use and stop them.
fn describe(up: &Up) -> String {
    format!(
        "{}\nto use it:\n  export KUBECONFIG={}\nto stop it:\n  cargo xtask cluster down\n",
        up.describe(),
        shell_quoted(&up.kubeconfig.to_string_lossy()),
    )
}

/// Quotes the text as a single word for a shell.
fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_can_be_copied_into_a_shell() {
        assert_eq!(shell_quoted("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(shell_quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
