//! A server that runs, in either way.

use anyhow::Result;
use control_plane::child_guard::ChildGuard;
use rustix::process::Signal;

use crate::docker::Container;

/// A server that runs. Dropping it ends the server and waits until it is gone.
#[derive(Debug)]
pub(crate) enum Running {
    /// A process of this machine, which ends at once when its owner is killed.
    Process(ChildGuard),
    /// A container, which is removed by a later start when its owner is killed.
    Container(Container),
}

impl Running {
    /// Returns an error with the end of its log if it has ended.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Process(guard) => guard.check(),
            Self::Container(container) => container.check(),
        }
    }

    pub(crate) fn kill(self) -> Result<()> {
        match self {
            Self::Process(guard) => guard.kill(),
            Self::Container(container) => container.kill(),
        }
    }

    pub(crate) fn pause(&self) -> Result<()> {
        match self {
            Self::Process(guard) => guard.signal(Signal::STOP),
            Self::Container(container) => container.pause(),
        }
    }

    pub(crate) fn resume(&self) -> Result<()> {
        match self {
            Self::Process(guard) => guard.signal(Signal::CONT),
            Self::Container(container) => container.resume(),
        }
    }
}
