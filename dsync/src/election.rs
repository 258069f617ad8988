//! Leader election.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::driver::Key;
use crate::keeper::{Callback, Handle};
use crate::tenure::Finish;
use crate::term::{DropPolicy, Guarded};
use crate::{EndCause, Error, ErrorKind, Observer, Resource, Result, Term};

/// A candidate in a leader election.
///
/// An `Election` starts campaigning when it is created and keeps campaigning until it is stopped:
/// if it loses leadership, it competes again. Clones are handles to the same campaign and are
/// cheap.
///
/// Dropping every handle ends the campaign, unless a [callback](Self::when_elected) was
/// registered. Then it continues until [`stop`](Self::stop) or
/// [`shutdown`](crate::Dsync::shutdown) is called, or the [`Dsync`](crate::Dsync) is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> dsync::Result<()> {
/// let dsync = dsync::Dsync::new(dsync_mock::MockDriver::new(), "pod-a")?;
/// let election = dsync.election("token-manager")?;
/// let term = election.elected().await?;
/// assert!(election.is_leader() && term.is_active());
/// election.stop().await?;
/// assert!(!election.is_leader() && !term.is_active());
/// # Ok(())
/// # }
/// ```
pub struct Election {
    resource: Resource,
    instance: Arc<str>,
    handle: Handle,
}

impl Election {
    pub(crate) fn new(resource: Resource, instance: &str, handle: Handle) -> Self {
        Self { resource, instance: instance.into(), handle }
    }

    /// Returns the resource of this election.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Returns the key of this election in the store.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.handle.key
    }

    /// Returns the name of this instance, which is its name as a candidate.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Returns the name of the current leader, if known.
    ///
    /// Use it for logs and dashboards only: the value can be stale, and it can change slightly
    /// before or after [`is_leader`](Self::is_leader) does.
    #[must_use]
    pub fn leader(&self) -> Option<Arc<str>> {
        self.handle.status.borrow().leader.clone()
    }

    /// Returns whether this candidate leads, checked against the clock now.
    ///
    /// The check compares the deadline of the term with the clock on every call, so it turns
    /// `false` on time even if dsync's own tasks are stalled. If it returns `true`, no other
    /// candidate that follows the contract can have been elected yet. It says nothing about any
    /// later instant; see [`Term`].
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.handle.status.borrow().active_term().is_some()
    }

    /// Returns the current term, if this candidate leads.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        self.handle.status.borrow().active_term().cloned()
    }

    /// Waits until this candidate leads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stopped`] if the campaign was stopped; otherwise the error that ended it, such
    /// as [`ErrorKind::Denied`]. Errors that may pass do not end this call; see
    /// [`observe`](Self::observe) for those.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the campaign continues.
    pub async fn elected(&self) -> Result<Term> {
        self.handle.elected().await
    }

    /// Calls `callback` once in each term of this candidate, including one that has already begun.
    ///
    /// The future that it returns is work of the term: each poll checks the clock first. When the
    /// term ends, the future should end by itself; it can wait for [`Term::ended`] or use
    /// [`Term::run`]. It is dropped at the hard deadline, or after the drain timeout if the end is
    /// voluntary. No candidate is elected before it has stopped, so the calls of one callback never
    /// overlap. If the future returns, the term continues. If it panics, the term ends and the
    /// campaign backs off.
    pub fn when_elected<F, Fut>(&self, callback: F)
    where
        F: FnMut(Term) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.handle.add(Callback::new(callback));
    }

    /// Waits until this candidate leads, runs `body`, then resigns and ends the campaign.
    ///
    /// The campaign ends with the body so that no candidate leads without doing the work. The body
    /// is work of the term, like that of [`when_elected`](Self::when_elected).
    ///
    /// # Errors
    ///
    /// Before the term, the errors of [`elected`](Self::elected). [`ErrorKind::Lost`] if the term
    /// ended and the body was dropped before it returned. [`ErrorKind::Overrun`] if the body
    /// returned only after the hard deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the body and stops the campaign in the background.
    ///
    /// # Panics
    ///
    /// Panics if `body` does.
    pub async fn lead<F, Fut>(&self, body: F) -> Result<Fut::Output>
    where
        F: FnOnce(Term) -> Fut,
        Fut: Future,
    {
        struct StopOnDrop<'a>(&'a Handle);
        impl Drop for StopOnDrop<'_> {
            fn drop(&mut self) {
                self.0.request_stop();
            }
        }

        let _stop = StopOnDrop(&self.handle);
        let term = self.elected().await?;
        let output =
            Guarded::new(&term.0, DropPolicy::AtDeadline, async { body(term.clone()).await }).await;
        let stopped = self.stop().await;
        match output {
            Some(output) => match stopped {
                Err(error) if error.kind() == ErrorKind::Overrun => Err(error),
                // A lease that could not be released expires by itself.
                _ => Ok(output),
            },
            None => Err(Error::definite(
                ErrorKind::Lost,
                format!(
                    "the term of {} ended ({}) and its body was dropped before it returned",
                    self.handle.key,
                    match term.cause() {
                        Some(EndCause::Lost) => "the lease was lost to another holder",
                        Some(EndCause::Deadline) => "no renewal succeeded in time",
                        _ => "it was stopped",
                    }
                ),
            )),
        }
    }

    /// Returns an observer of this election: who leads, and which requests fail.
    #[must_use]
    pub fn observe(&self) -> Observer {
        Observer::of(&self.handle)
    }

    /// Gives up leadership but stays in the election.
    ///
    /// The call cancels the term, waits for its work to stop, and releases the lease. The candidate
    /// then sits out one lease duration, or until another candidate has been elected. If this
    /// candidate is not the leader, the call does nothing.
    ///
    /// Inside a body of the term, the call returns as soon as the term is cancelled: waiting longer
    /// would be waiting for itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overrun`] if work did not stop. Otherwise, the error that kept the release from
    /// being confirmed; the lease then expires by itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the resignation; it continues in the background.
    pub async fn resign(&self) -> Result<()> {
        let term = self.handle.status.borrow().term.clone();
        self.handle.resign();
        match term {
            Some(term) => self.handle.settled(&term).await?.into_result(&self.handle.key),
            None => Ok(()),
        }
    }

    /// Ends the campaign for every handle.
    ///
    /// The call cancels the term, waits for its work to stop, and releases the lease.
    ///
    /// Inside a body of the term, the call returns as soon as the term is cancelled: waiting longer
    /// would be waiting for itself. Inside another task that such a body waits for, this cannot be
    /// detected, and the call waits until the body is dropped.
    ///
    /// # Errors
    ///
    /// As [`resign`](Self::resign).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the stop; it continues in the background.
    pub async fn stop(&self) -> Result<()> {
        self.handle.stop().await
    }

    /// Waits until the campaign has ended.
    ///
    /// # Errors
    ///
    /// The error that ended the campaign, such as [`ErrorKind::Denied`]. After a
    /// [`stop`](Self::stop), the result is `Ok`.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the call changes nothing.
    pub async fn stopped(&self) -> Result<()> {
        self.handle
            .wait_for(|status| match status.finish.as_ref()? {
                Finish::Failed(error) => Some(Err(error.clone())),
                Finish::Done | Finish::Held => Some(Ok(())),
            })
            .await?
    }
}

impl Clone for Election {
    fn clone(&self) -> Self {
        self.handle.join();
        Self {
            resource: self.resource.clone(),
            instance: Arc::clone(&self.instance),
            handle: self.handle.clone(),
        }
    }
}

impl Drop for Election {
    fn drop(&mut self) {
        self.handle.leave();
    }
}

impl fmt::Debug for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Election")
            .field("resource", &self.resource)
            .field("instance", &self.instance)
            .field("is_leader", &self.is_leader())
            .field("leader", &self.leader())
            .finish_non_exhaustive()
    }
}
