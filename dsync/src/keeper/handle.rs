//! The handles of a keeper, which send it commands and read its status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::command::{Callback, Command};
use super::status::Status;
use crate::driver::Key;
use crate::tenure::{Finish, Settled};
use crate::term::is_inside;
use crate::{Error, ErrorKind, Result, Term, Timing};

/// A handle to one keeper. Clones are cheap, and count as one handle until they [`join`].
///
/// [`join`]: Handle::join
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    id: u64,
    pub(crate) key: Key,
    pub(crate) timing: Timing,
    commands: mpsc::UnboundedSender<Command>,
    pub(crate) status: watch::Receiver<Status>,
    keep_alive: Arc<KeepAlive>,
}

/// What keeps the campaign alive.
#[derive(Debug, Default)]
struct KeepAlive(Mutex<Reasons>);

#[derive(Debug, Default)]
struct Reasons {
    handles: usize,
    callbacks: bool,
    /// The `Dsync` was dropped.
    abandoned: bool,
    stopping: bool,
}

impl Reasons {
    fn end_if_unwanted(&mut self) -> bool {
        let unwanted = self.handles == 0 && (!self.callbacks || self.abandoned);
        let ends = unwanted && !self.stopping;
        self.stopping |= unwanted;
        ends
    }
}

impl KeepAlive {
    fn lock(&self) -> MutexGuard<'_, Reasons> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    pub(super) fn new(
        id: u64,
        key: Key,
        timing: Timing,
        commands: mpsc::UnboundedSender<Command>,
        status: watch::Receiver<Status>,
    ) -> Self {
        Self { id, key, timing, commands, status, keep_alive: Arc::default() }
    }

    /// Counts one more handle. Returns `false` if the campaign is already ending.
    ///
    /// The check and the count are one step under the lock. Between two steps the last other handle
    /// could leave, and the new one would join a campaign that has just been asked to stop.
    pub(crate) fn join(&self) -> bool {
        let mut reasons = self.keep_alive.lock();
        reasons.handles += 1;
        if reasons.stopping || self.is_finished() {
            reasons.handles -= 1;
            return false;
        }
        true
    }

    /// Counts one handle less. Without handles, the campaign ends unless a callback keeps it.
    pub(crate) fn leave(&self) {
        let ends = {
            let mut reasons = self.keep_alive.lock();
            reasons.handles = reasons.handles.saturating_sub(1);
            reasons.end_if_unwanted()
        };
        if ends {
            self.send(Command::Stop);
        }
    }

    /// Takes note that the `Dsync` was dropped: from now on callbacks alone keep nothing alive.
    pub(crate) fn abandon(&self) {
        let ends = {
            let mut reasons = self.keep_alive.lock();
            reasons.abandoned = true;
            reasons.end_if_unwanted()
        };
        if ends {
            self.send(Command::Stop);
        }
    }

    pub(crate) fn add(&self, callback: Callback) {
        self.keep_alive.lock().callbacks = true;
        self.send(Command::Callback(callback));
    }

    /// Requests the end of the term.
    pub(crate) fn resign(&self) {
        self.send(Command::Resign);
    }

    /// Requests the end of the term and of the campaign.
    pub(crate) fn request_stop(&self) {
        self.keep_alive.lock().stopping = true;
        self.send(Command::Stop);
    }

    fn send(&self, command: Command) {
        // The send fails only if the keeper has ended, and then there is nothing left to do.
        let _ = self.commands.send(command);
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.status.borrow().finish.is_some()
    }

    /// Returns how long a stop takes at most, if no work overruns.
    pub(crate) fn stop_bound(&self, drain_timeout: Duration) -> Duration {
        drain_timeout + 2 * self.timing.request_timeout()
    }

    /// Waits for a status from which `pick` returns a value.
    pub(crate) async fn wait_for<T>(
        &self,
        mut pick: impl FnMut(&Status) -> Option<T>,
    ) -> Result<T> {
        let mut status = self.status.clone();
        loop {
            if let Some(picked) = pick(&status.borrow_and_update()) {
                return Ok(picked);
            }
            if status.changed().await.is_err() {
                return match pick(&status.borrow()) {
                    Some(picked) => Ok(picked),
                    None => Err(gone()),
                };
            }
        }
    }

    /// Waits for a term.
    pub(crate) async fn elected(&self) -> Result<Term> {
        self.wait_for(|status| match (status.active_term(), &status.finish) {
            (Some(term), _) => Some(Ok(term.clone())),
            (None, Some(finish)) => Some(Err(self.why(finish))),
            (None, None) => None,
        })
        .await?
    }

    /// Returns the error that says why there will be no further term.
    pub(crate) fn why(&self, finish: &Finish) -> Error {
        match finish {
            Finish::Failed(error) => error.clone(),
            Finish::Done | Finish::Held => Error::stopped(format!("{} was stopped", self.key)),
        }
    }

    /// Waits until nothing is left of `term`, and returns how its lease ended.
    ///
    /// Inside a body of the term it waits only until the term is cancelled. The body would
    /// otherwise wait for its own end.
    pub(crate) async fn settled(&self, term: &Term) -> Result<Ending> {
        if is_inside(self.id) {
            term.ended().await;
            return Ok(Ending::Cancelled);
        }
        let token = term.fencing_token();
        self.wait_for(|status| match &status.settled {
            Some((settled, ending)) if *settled == token => Some(Ending::Settled(ending.clone())),
            // A later term has begun. The status keeps only the last settled term, so how this one
            // ended is lost, but it has.
            Some((settled, _)) if *settled > token => Some(Ending::Settled(Settled::NotHeld)),
            _ if status.overrun == Some(token) => Some(Ending::Settled(Settled::Overrun)),
            _ if status.finish.is_some() => Some(Ending::Cancelled),
            _ => None,
        })
        .await
    }

    /// Requests a stop and waits for it.
    pub(crate) async fn stop(&self) -> Result<()> {
        let term = self.status.borrow().term.clone();
        self.request_stop();
        if let Some(term) = &term {
            self.settled(term).await?.into_result(&self.key)?;
            if is_inside(self.id) {
                return Ok(());
            }
        }
        if is_inside(self.id) {
            // The caller is a body of a term that is already ending.
            return Ok(());
        }
        self.wait_for(|status| match (&status.finish, status.overrun) {
            (Some(_), _) => Some(Ok(())),
            (None, Some(_)) => Some(Err(overrun(&self.key))),
            (None, None) => None,
        })
        .await?
    }
}

/// How a term ended, for a caller that waited for it.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// It was cancelled, and nothing more is known.
    Cancelled,
    Settled(Settled),
}

impl Ending {
    /// Returns the result of a voluntary end. A lease that was lost in the meantime is no error:
    /// the caller wanted to give it up.
    pub(crate) fn into_result(self, key: &Key) -> Result<()> {
        match self {
            Self::Settled(Settled::Overrun) => Err(overrun(key)),
            Self::Settled(Settled::Unconfirmed(error)) => Err(error),
            Self::Cancelled | Self::Settled(Settled::Released | Settled::NotHeld) => Ok(()),
        }
    }
}

pub(crate) fn overrun(key: &Key) -> Error {
    Error::definite(
        ErrorKind::Overrun,
        format!(
            "work of {key} did not stop by the hard deadline although it was dropped, because it \
             blocks its thread; the lease was not released and expires by itself"
        ),
    )
}

fn gone() -> Error {
    Error::definite(ErrorKind::Internal, "the task that keeps the lease has ended")
}
