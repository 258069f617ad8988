//! Who leads.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::driver::Key;
use crate::keeper::{Callback, Handle};
use crate::tenure::Finish;
use crate::term::{DropPolicy, Guarded};
use crate::{EndCause, Error, ErrorKind, Observer, Resource, Result, Term};

/// A candidacy. It campaigns from its creation on, again and again, until it is stopped. Cheap to
/// clone; all clones are the same campaign.
///
/// Dropping every handle ends the campaign, unless a [callback](Self::when_elected) was
/// registered: then it goes on until [`stop`](Self::stop), [`shutdown`](crate::Dsync::shutdown),
/// or the drop of the [`Dsync`](crate::Dsync).
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

    /// What is elected for.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Where the store keeps it.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.handle.key
    }

    /// My name in this election.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Who leads, as far as is known here. For people and logs: it may be out of date, and it may
    /// name me shortly before or after [`is_leader`](Self::is_leader) says so.
    #[must_use]
    pub fn leader(&self) -> Option<Arc<str>> {
        self.handle.status.borrow().leader.clone()
    }

    /// Whether I lead, by the clock at this call.
    ///
    /// `true` means: at this instant no other candidate that keeps to the contract can have been
    /// elected. It says nothing about an instant later; see [`Term`].
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.handle.status.borrow().active_term().is_some()
    }

    /// My term, while I lead.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        self.handle.status.borrow().active_term().cloned()
    }

    /// Waits until I lead.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stopped`] if the campaign was stopped; whatever ended it for good, such as
    /// [`ErrorKind::Denied`], otherwise. Trouble that may pass is not an error here, see
    /// [`observe`](Self::observe).
    ///
    /// # Cancel safety
    ///
    /// Safe; the campaign goes on.
    pub async fn elected(&self) -> Result<Term> {
        self.handle.elected().await
    }

    /// Calls `callback` once in each of my terms, also in one that has begun already.
    ///
    /// What it returns is work of the term: each poll looks at the clock first. When the term is
    /// over it should end by itself (wait for [`Term::ended`], or use [`Term::run`]); at the hard
    /// deadline, or after the drain timeout of a voluntary end, it is dropped. Nobody is elected
    /// before it has stopped, so per callback the calls are strictly serial. Its return leaves the
    /// term going; its panic ends the term, and the campaign backs off.
    pub fn when_elected<F, Fut>(&self, callback: F)
    where
        F: FnMut(Term) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.handle.add(Callback::new(callback));
    }

    /// Waits until I lead, runs `body`, then resigns and ends the campaign, so that nobody leads
    /// without a body.
    ///
    /// The body is work of the term, as that of [`when_elected`](Self::when_elected) is.
    ///
    /// # Errors
    ///
    /// As [`elected`](Self::elected) before the term; [`ErrorKind::Lost`] if the term was over and
    /// the body did not return before it had to be dropped; [`ErrorKind::Overrun`] if it returned
    /// too late for that.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the body and stops the campaign in the background.
    ///
    /// # Panics
    ///
    /// If `body` does.
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
                        Some(EndCause::Lost) => "the lease is somebody else's",
                        Some(EndCause::Deadline) => "no renewal succeeded in time",
                        _ => "it was stopped",
                    }
                ),
            )),
        }
    }

    /// Follows who leads, and what does not work.
    #[must_use]
    pub fn observe(&self) -> Observer {
        Observer::of(&self.handle)
    }

    /// Steps down and stays a candidate, sitting out one lease duration unless somebody else wins
    /// before. Returns when nothing is left of the term. Without a term it does nothing.
    ///
    /// Awaited within a body of the term it returns as soon as the term is cancelled, since the
    /// body is what it would wait for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overrun`] if work did not stop; otherwise why the release could not be
    /// confirmed, in which case the lease expires by itself.
    ///
    /// # Cancel safety
    ///
    /// The resignation goes on when the future is dropped, only nobody waits for it.
    pub async fn resign(&self) -> Result<()> {
        let term = self.handle.status.borrow().term.clone();
        self.handle.resign();
        match term {
            Some(term) => self.handle.settled(&term).await?.into_result(&self.handle.key),
            None => Ok(()),
        }
    }

    /// Ends the campaign for every handle: cancels the term, waits for its work, releases the
    /// lease.
    ///
    /// Awaited within a body of the term it returns as soon as the term is cancelled, since the
    /// body is what it would wait for. Within a task that such a body waits for, it cannot know
    /// that, and waits until the body is dropped.
    ///
    /// # Errors
    ///
    /// As [`resign`](Self::resign).
    ///
    /// # Cancel safety
    ///
    /// The campaign ends also when the future is dropped, only nobody waits for it.
    pub async fn stop(&self) -> Result<()> {
        self.handle.stop().await
    }

    /// Waits until the campaign is over.
    ///
    /// # Errors
    ///
    /// What ended it for good, such as [`ErrorKind::Denied`]. After a [`stop`](Self::stop) it is
    /// `Ok`.
    ///
    /// # Cancel safety
    ///
    /// Safe; nothing changes.
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
