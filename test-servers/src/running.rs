//! A server that runs, wherever.

use anyhow::Result;
use control_plane::leash::Leash;
use rustix::process::Signal;

use crate::docker::Container;

/// A server that runs. It ends with the value.
#[derive(Debug)]
pub(crate) struct Running {
    leash: Leash,
    /// None: the process of the leash is the server itself.
    container: Option<Container>,
}

impl Running {
    pub(crate) fn process(leash: Leash) -> Self {
        Self { leash, container: None }
    }

    pub(crate) fn container((leash, container): (Leash, Container)) -> Self {
        Self { leash, container: Some(container) }
    }

    /// An error that tells why it has ended, if it has.
    pub(crate) fn check(&self) -> Result<()> {
        self.leash.check()
    }

    pub(crate) fn kill(self) -> Result<()> {
        match &self.container {
            None => self.leash.kill(),
            // Its process ends with it; dropping waits for that.
            Some(container) => container.kill(),
        }
    }

    pub(crate) fn pause(&self) -> Result<()> {
        match &self.container {
            None => self.leash.signal(Signal::STOP),
            Some(container) => container.pause(),
        }
    }

    pub(crate) fn resume(&self) -> Result<()> {
        match &self.container {
            None => self.leash.signal(Signal::CONT),
            Some(container) => container.resume(),
        }
    }
}
