//! A server that is there.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use control_plane::leash::Leash;
use rustix::process::Signal;

use crate::Way;

/// A server to test on. What was started here ends with it.
///
/// Everything blocks; from async code, call it through `spawn_blocking`.
#[derive(Debug)]
pub struct Server {
    pub(crate) way: Way,
    pub(crate) url: String,
    pub(crate) version: String,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) own: Option<Own>,
}

/// A server that was started here.
pub(crate) struct Own {
    running: Mutex<Option<Leash>>,
    /// Starts it, and returns when it answers. `true`: with nothing of what there was.
    start: Box<dyn Fn(bool) -> Result<Leash> + Send + Sync>,
}

impl Own {
    pub(crate) fn start(
        start: impl Fn(bool) -> Result<Leash> + Send + Sync + 'static,
    ) -> Result<Self> {
        let running = Mutex::new(Some(start(true)?));
        Ok(Self { running, start: Box::new(start) })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Leash>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Own").field(&self.running).finish()
    }
}

impl Server {
    /// How it was had.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
    }

    /// What a client is given: `redis://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its version: `7.0.15`; empty where nobody knows.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where it listens, for a proxy to stand in front of it. `None`: the URL has more than an
    /// address in it, such as TLS.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether it can be killed and paused: it was started here.
    #[must_use]
    pub fn is_controllable(&self) -> bool {
        self.own.is_some()
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    ///
    /// If it is not ours, or does not run.
    pub fn kill(&self) -> Result<()> {
        self.own()?.lock().take().context("the server does not run")?.kill()
    }

    /// Starts it again, with what it has kept, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it is not ours, runs already, or does not start; with the end of its log.
    pub fn start(&self) -> Result<()> {
        self.start_with(false)
    }

    /// Stops it for a while, as SIGSTOP does.
    ///
    /// # Errors
    ///
    /// If it is not ours, or does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Restarts it with nothing of what there was, in memory and in files.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn forget(&self) -> Result<()> {
        if let Some(leash) = self.own()?.lock().take() {
            leash.kill()?;
        }
        self.start_with(true)
    }

    fn start_with(&self, fresh: bool) -> Result<()> {
        let own = self.own()?;
        let mut running = own.lock();
        if running.is_some() {
            bail!("the server runs already");
        }
        *running = Some((own.start)(fresh)?);
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.own()?.lock().as_ref().context("the server does not run")?.signal(signal)
    }

    fn own(&self) -> Result<&Own> {
        self.own.as_ref().ok_or_else(|| {
            anyhow!("the server was named by a URL, so nobody here starts and stops it")
        })
    }
}
