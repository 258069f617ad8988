//! A server that runs, wherever.

use anyhow::Result;
use control_plane::child_guard::ChildGuard;
use rustix::process::Signal;

use crate::docker::Container;

/// A server that runs. It ends with the value.
#[derive(Debug)]
pub(crate) struct Running {
    guard: ChildGuard,
    /// None: the process of the guard is the server itself.
    container: Option<Container>,
}

impl Running {
    pub(crate) fn process(guard: ChildGuard) -> Self {
        Self { guard, container: None }
    }

    pub(crate) fn container((guard, container): (ChildGuard, Container)) -> Self {
        Self { guard, container: Some(container) }
    }

    /// An error that tells why it has ended, if it has.
    pub(crate) fn check(&self) -> Result<()> {
        self.guard.check()
    }

    pub(crate) fn kill(self) -> Result<()> {
        match &self.container {
            None => self.guard.kill(),
            // Its process ends with it; dropping waits for that.
            Some(container) => container.kill(),
        }
    }

    pub(crate) fn pause(&self) -> Result<()> {
        match &self.container {
            None => self.guard.signal(Signal::STOP),
            Some(container) => container.pause(),
        }
    }

    pub(crate) fn resume(&self) -> Result<()> {
        match &self.container {
            None => self.guard.signal(Signal::CONT),
            Some(container) => container.resume(),
        }
    }
}
