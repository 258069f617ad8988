//! A process that outlives nobody, also while it is stopped.
//!
//! A candidate that runs sees that its stdin is closed. One that was stopped sees nothing, so the
//! system is asked to kill it when its parent dies. On Linux "parent" means the thread that started
//! it, so that is a thread of its own, which waits for the end of the [`ChildGuard`].

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// While it is there, so is the thread that has started the process.
#[derive(Debug)]
pub(super) struct ChildGuard(
    #[expect(dead_code, reason = "it is dropped, which the thread notices")] mpsc::Sender<()>,
);

/// Starts a process. Must be called within a tokio runtime.
pub(super) fn start(mut command: Command) -> io::Result<(Child, ChildGuard)> {
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    let (guard, held) = mpsc::channel::<()>();
    let (sender, started) = mpsc::channel();
    thread::Builder::new().name("guard".to_owned()).spawn(move || {
        let child = {
            let _within = runtime.enter();
            command.spawn()
        };
        // Whoever waits for it is there. The thread ends when the guard does.
        if sender.send(child).is_ok() {
            let _ = held.recv();
        }
    })?;
    let child = started.recv().map_err(io::Error::other)??;
    Ok((child, ChildGuard(guard)))
}

/// To be called by the process that was started.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn die_with_parent() -> io::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};

    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Elsewhere it is of a group of its own, which the system lets go on when nobody is left who
/// could: then it sees that its stdin is closed.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on other systems")]
pub(super) fn die_with_parent() -> io::Result<()> {
    Ok(())
}
