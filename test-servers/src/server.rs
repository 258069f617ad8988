//! A server that is there.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::running::Running;
use crate::{Certificates, Way};

/// A server to test on. What was started here ends with it.
///
/// Everything blocks; from async code, call it through `spawn_blocking`.
#[derive(Debug)]
pub struct Server {
    pub(crate) way: Way,
    pub(crate) url: String,
    pub(crate) version: String,
    pub(crate) address: Option<SocketAddr>,
    /// None: it is somebody else's.
    pub(crate) members: Vec<Own>,
    /// None: it speaks plain text, or is somebody else's.
    pub(crate) certificates: Option<Certificates>,
}

type Run = Box<dyn Fn(bool) -> Result<Running> + Send + Sync>;
type Answers = Box<dyn Fn(&Running) -> Result<()> + Send + Sync>;

/// A member that was started here.
pub(crate) struct Own {
    running: Mutex<Option<Running>>,
    /// Starts it. `true`: with nothing of what there was.
    run: Run,
    /// Waits until it answers.
    answers: Answers,
}

impl Own {
    pub(crate) fn new(
        run: impl Fn(bool) -> Result<Running> + Send + Sync + 'static,
        answers: impl Fn(&Running) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { running: Mutex::default(), run: Box::new(run), answers: Box::new(answers) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, fresh: bool) -> Result<()> {
        let mut running = self.lock();
        if running.is_some() {
            bail!("the server runs already");
        }
        *running = Some((self.run)(fresh)?);
        Ok(())
    }

    fn wait(&self) -> Result<()> {
        (self.answers)(self.lock().as_ref().context("the server does not run")?)
    }
}

/// Starts all, with nothing of what there was, and waits until all answer.
pub(crate) fn start_all(members: &[Own]) -> Result<()> {
    // None of a cluster answers before most of them run.
    members.iter().try_for_each(|member| member.start(true))?;
    members.iter().try_for_each(Own::wait)
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

    /// What a client is given: `redis://127.0.0.1:40123`, `etcd://127.0.0.1:40123,127.0.0.1:40124`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a client has to show and to trust, of a server that was started here with TLS.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    /// How many members were started here.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Its version: `7.0.15`; empty where nobody knows.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where its first member listens, for a proxy to stand in front of it. `None`: the URL has more than an
    /// address in it, such as TLS.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether it can be killed and paused: it was started here.
    #[must_use]
    pub fn is_controllable(&self) -> bool {
        !self.members.is_empty()
    }

    /// Kills a member, as a crash would.
    ///
    /// # Errors
    ///
    /// If it is not ours, or does not run.
    pub fn kill(&self, member: usize) -> Result<()> {
        self.own(member)?.lock().take().context("the server does not run")?.kill()
    }

    /// Starts a member again, with what it has kept, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it is not ours, runs already, or does not start; with the end of its log.
    pub fn start(&self, member: usize) -> Result<()> {
        let own = self.own(member)?;
        own.start(false)?;
        own.wait()
    }

    /// Stops a member for a while, as SIGSTOP does; a container is frozen.
    ///
    /// # Errors
    ///
    /// If it is not ours, or does not run.
    pub fn pause(&self, member: usize) -> Result<()> {
        self.running(member, Running::pause)
    }

    /// Lets a member go on.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    pub fn resume(&self, member: usize) -> Result<()> {
        self.running(member, Running::resume)
    }

    /// Restarts all members with nothing of what there was, in memory and in files.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn forget(&self) -> Result<()> {
        self.own(0)?;
        for member in &self.members {
            if let Some(running) = member.lock().take() {
                running.kill()?;
            }
        }
        start_all(&self.members)
    }

    fn running(&self, member: usize, act: fn(&Running) -> Result<()>) -> Result<()> {
        act(self.own(member)?.lock().as_ref().context("the server does not run")?)
    }

    fn own(&self, member: usize) -> Result<&Own> {
        self.members.get(member).ok_or_else(|| match self.members.len() {
            0 => anyhow!("the server was named by a URL, so nobody here starts and stops it"),
            count => anyhow!("there is no member {member}, but {count}"),
        })
    }
}
