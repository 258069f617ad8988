use std::future::Future;
use std::time::Duration;

use crate::keeper::{Ending, Handle, overrun};
use crate::tenure::Settled;
use crate::{EndCause, Error, ErrorKind, FencingToken, Resource, Result, Term};

/// A lock that is held. Its lease is renewed in the background until the guard is unlocked or
/// dropped, or the lock is lost.
///
/// # What it does not guarantee
///
/// A lost lock can be acquired by another holder soon after. Wait for [`lost`](Self::lost), or do
/// the work in [`run`](Self::run), which stops it in time, and send the
/// [`fencing_token`](Self::fencing_token) with every write to a resource that can check it. See
/// [`Term`] for work that no library can stop.
#[derive(Debug)]
#[must_use = "dropping the guard releases the lock"]
pub struct LockGuard {
    resource: Resource,
    term: Term,
    /// `None` once `unlock` was called.
    handle: Option<Handle>,
}

impl LockGuard {
    pub(crate) fn new(resource: Resource, term: Term, handle: Option<Handle>) -> Self {
        Self { resource, term, handle }
    }

    /// Returns the resource of this lock.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Returns the token of this acquisition. It is higher than that of every earlier one.
    #[must_use]
    pub fn fencing_token(&self) -> FencingToken {
        self.term.fencing_token()
    }

    /// Returns whether the lock is still held, checked against the clock now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.term.is_active()
    }

    /// Returns how long the lock stays held without another renewal, unless it is lost before.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.term.remaining()
    }

    /// Returns the term of this lock, for other tasks. Clones are cheap.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term.clone()
    }

    /// Completes when the lock is no longer held. The future borrows nothing.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe. It can be called again at any time.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.term.ended()
    }

    /// Runs `future` until it completes or the lock is lost, whichever is first. If the lock is
    /// lost, it drops the future and returns `None`. See [`Term::run`].
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Dropping the returned future drops `future`.
    ///
    /// # Panics
    ///
    /// Panics if `future` does.
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        self.term.run(future).await
    }

    /// Releases the lock and waits for the answer of the store. A lock that another holder has
    /// acquired in the meantime is left alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lost`] if the lock was lost before: the work done under it may have overlapped
    /// with that of another holder. [`ErrorKind::Overrun`] if work of the guard did not stop.
    /// Otherwise, the error that kept the release from being confirmed; the lock then expires by
    /// itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the release; it continues in the background.
    pub async fn unlock(mut self) -> Result<()> {
        let Some(handle) = self.handle.take() else { return Ok(()) };
        handle.request_stop();
        let ending = handle.settled(&self.term).await?;
        match (self.term.cause(), ending) {
            (_, Ending::Settled(Settled::Overrun)) => Err(overrun(&handle.key)),
            (Some(EndCause::Deadline | EndCause::Lost), _)
            | (_, Ending::Settled(Settled::NotHeld)) => Err(self.lost_error()),
            (_, Ending::Settled(Settled::Unconfirmed(error))) => Err(error),
            (_, Ending::Cancelled | Ending::Settled(Settled::Released)) => Ok(()),
        }
    }

    fn lost_error(&self) -> Error {
        Error::definite(
            ErrorKind::Lost,
            format!(
                "lock {} was lost before it was unlocked; another holder may have acquired it in the \
                 meantime",
                self.resource
            ),
        )
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.request_stop();
        }
    }
}
