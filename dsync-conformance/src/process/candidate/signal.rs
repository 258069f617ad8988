//! Signals to a child process.

use std::io;

/// What is done to a process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    /// SIGSTOP
    Stop,
    /// SIGCONT
    Continue,
}

#[cfg(unix)]
pub(super) fn send(pid: u32, signal: Signal) -> io::Result<()> {
    use rustix::process::{Pid, kill_process};

    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("no such process id"))?;
    let signal = match signal {
        Signal::Stop => rustix::process::Signal::STOP,
        Signal::Continue => rustix::process::Signal::CONT,
    };
    Ok(kill_process(pid, signal)?)
}

#[cfg(not(unix))]
pub(super) fn send(_: u32, _: Signal) -> io::Result<()> {
    Err(unsupported())
}

pub(super) fn unsupported() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "candidates in processes of their own take a Unix system: they are stopped by signals",
    )
}
