//! `cargo xtask cluster up`

use std::fs::File;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::place::{Lock, Place, SUPERVISE};
use super::protocol::{self, Answer, Request, Up};
use crate::output::say;

pub(super) fn run(place: &Place, stay: Duration) -> Result<ExitCode> {
    let _lock = match place.lock_for_up()? {
        Lock::Taken(file) => file,
        Lock::Busy(file) => {
            say("another `up` is at it; waiting for it\n");
            file.lock().context("could not wait for the other `up`")?;
            file
        }
    };
    if let Some(up) = look(place)? {
        say(&format!("already up\n{}", describe(&up)));
        return Ok(ExitCode::SUCCESS);
    }
    let supervisor = match place.lock_for_supervisor()? {
        // Somebody else's, still starting up or going down; see `wait`.
        Lock::Busy(_) => None,
        Lock::Taken(file) => {
            // Here and not only in the supervisor, as a build takes minutes and
            // its progress is for the person waiting. What's built is found at
            // once the next time.
            control_plane::binaries::find(|line| say(&format!("{line}\n")))?;
            drop(file);
            Some(start_supervisor(place, stay)?)
        }
    };
    say("starting kube-apiserver and etcd\n");
    let up = wait(place, supervisor)?;
    say(&format!("up\n{}", describe(&up)));
    Ok(ExitCode::SUCCESS)
}

/// The servers, if they are up.
pub(super) fn look(place: &Place) -> Result<Option<Up>> {
    let Some(stream) = place.connect()? else { return Ok(None) };
    match protocol::ask(&stream, Request::Status) {
        Ok(Answer::Up(up)) => Ok(Some(*up)),
        // No answer: it ends just now.
        Ok(_) | Err(_) => Ok(None),
    }
}

fn start_supervisor(place: &Place, stay: Duration) -> Result<Child> {
    let path = place.log();
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

/// Waits until the servers are up or their supervisor is gone, which it's sure
/// to be at some time: it has time limits of its own.
fn wait(place: &Place, mut supervisor: Option<Child>) -> Result<Up> {
    const EVERY: Duration = Duration::from_millis(50);
    loop {
        if let Some(up) = look(place)? {
            return Ok(up);
        }
        let ended = match &mut supervisor {
            Some(child) => {
                child.try_wait().context("could not look after the supervisor")?.is_some()
            }
            None => matches!(place.lock_for_supervisor()?, Lock::Taken(_)),
        };
        if ended {
            bail!(
                "the cluster's supervisor ended early; the end of {}:\n{}",
                place.log().display(),
                place.end_of_log()
            );
        }
        thread::sleep(EVERY);
    }
}

/// What there is, and what to do with it.
fn describe(up: &Up) -> String {
    format!(
        "{}\nto use it:\n  export KUBECONFIG={}\nto end it:\n  cargo xtask cluster down\n",
        up.describe(),
        shell_quoted(&up.kubeconfig.to_string_lossy()),
    )
}

/// The text as a shell takes it for one word.
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
