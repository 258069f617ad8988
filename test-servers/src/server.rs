//! A server to test on.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::running::Running;
use crate::{Certificates, Way};

/// A server to test on. Dropping it ends the servers that it has started.
///
/// Every call blocks; from async code, use `spawn_blocking`.
#[derive(Debug)]
pub struct Server {
    pub(crate) way: Way,
    pub(crate) url: String,
    pub(crate) version: String,
    pub(crate) address: Option<SocketAddr>,
    /// Empty if it was named by a URL.
    pub(crate) members: Vec<Member>,
    /// `None` without TLS, or if it was named by a URL.
    pub(crate) certificates: Option<Certificates>,
}

type Run = Box<dyn Fn(bool) -> Result<Running> + Send + Sync>;
type Answers = Box<dyn Fn(&Running) -> Result<()> + Send + Sync>;

/// A member of a cluster that was started here, or a server without one.
pub(crate) struct Member {
    running: Mutex<Option<Running>>,
    /// Starts it; `true` clears its data first.
    run: Run,
    /// Waits until it answers.
    answers: Answers,
}

impl Member {
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

/// Starts all members without data, and waits until all answer.
pub(crate) fn start_all(members: &[Member]) -> Result<()> {
    // No member of a cluster answers before the majority runs.
    members.iter().try_for_each(|member| member.start(true))?;
    members.iter().try_for_each(Member::wait)
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Member").field(&self.running).finish()
    }
}

impl Server {
    /// Returns the way in which it was provided.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
    }

    /// Returns the URL for clients: `redis://127.0.0.1:40123`, `etcd://127.0.0.1:40123,127.0.0.1:40124`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns what a client has to present and to trust, if the server was started with TLS.
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    /// Returns the number of members that were started here; 0 if it was named by a URL.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Returns its version, such as `7.0.15`; empty if it was named by a URL.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the address on which its first member listens, for a proxy in front of it. `None` if the
    /// URL names no IP address and port.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Returns whether it can be killed and paused, which is so if it was started here.
    #[must_use]
    pub fn is_controllable(&self) -> bool {
        !self.members.is_empty()
    }

    /// Kills a member, as a crash would.
    ///
    /// # Errors
    ///
    /// If it was named by a URL, or the member does not run.
    pub fn kill(&self, member: usize) -> Result<()> {
        self.member(member)?.lock().take().context("the server does not run")?.kill()
    }

    /// Starts a member again, with the data on its disk, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it was named by a URL, if the member runs already, or if it does not start; with the end of its
    /// log.
    pub fn start(&self, member: usize) -> Result<()> {
        let member = self.member(member)?;
        member.start(false)?;
        member.wait()
    }

    /// Stops a member until it is [resumed](Self::resume), as SIGSTOP does; a container is frozen.
    ///
    /// # Errors
    ///
    /// If it was named by a URL, or the member does not run.
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

    /// Restarts all members without data, neither in memory nor in files.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn forget(&self) -> Result<()> {
        self.member(0)?;
        for member in &self.members {
            if let Some(running) = member.lock().take() {
                running.kill()?;
            }
        }
        start_all(&self.members)
    }

    fn running(&self, member: usize, act: fn(&Running) -> Result<()>) -> Result<()> {
        act(self.member(member)?.lock().as_ref().context("the server does not run")?)
    }

    fn member(&self, member: usize) -> Result<&Member> {
        self.members.get(member).ok_or_else(|| match self.members.len() {
            0 => anyhow!(
                "{} was named by a URL, so the tests can neither start nor stop it",
                self.url
            ),
            count => anyhow!("there is no member {member}: the server has {count}, counted from 0"),
        })
    }
}
