//! Kills the child when its parent dies, even while the child is stopped.
//!
//! A running candidate notices the death of its parent because its stdin is closed. A stopped one
//! (SIGSTOP) notices nothing, so it asks the kernel at its start to kill it with its parent. On Linux
//! "parent" means the *thread* that started it. The child is therefore started from a thread of its
//! own, which lives exactly as long as the [`ChildGuard`]: a thread of a runtime's pool may end
//! earlier and would take the child with it.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// Keeps the thread alive that started the child.
#[derive(Debug)]
pub(super) struct ChildGuard(
    #[expect(dead_code, reason = "it is dropped, which the thread notices")] mpsc::Sender<()>,
);

/// Starts a child process. Must be called within a tokio runtime.
pub(super) fn start(mut command: Command) -> io::Result<(Child, ChildGuard)> {
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    let (guard, held) = mpsc::channel::<()>();
    let (sender, started) = mpsc::channel();
    thread::Builder::new().name("guard".to_owned()).spawn(move || {
        let child = {
            let _within = runtime.enter();
            command.spawn()
        };
        // Blocks until the guard is dropped, which closes the channel.
        if sender.send(child).is_ok() {
            let _ = held.recv();
        }
    })?;
    let child = started.recv().map_err(io::Error::other)??;
    Ok((child, ChildGuard(guard)))
}

/// Asks the kernel to kill this process when its parent dies. The child calls it first.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn die_with_parent() -> io::Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};

    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Does nothing on systems without such a request. There, the child is in a process group of its
/// own. When the parent dies, the system continues a stopped group that has lost its parent, and the
/// child then notices that its stdin is closed.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail on other systems")]
pub(super) fn die_with_parent() -> io::Result<()> {
    Ok(())
}
