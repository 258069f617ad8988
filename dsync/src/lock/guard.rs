use std::future::Future;
use std::time::Duration;

use crate::keeper::{Ending, Handle, overrun};
use crate::tenure::Settled;
use crate::{EndCause, Error, ErrorKind, FencingToken, Resource, Result, Term};

/// A lock that is held. It is renewed in the background until it is unlocked, dropped or lost.
///
/// # What it does not guarantee
///
/// A lock that is lost is somebody else's soon after. Watch [`lost`](Self::lost), or run the work
/// by [`run`](Self::run), which stops it in time, and pass the
/// [`fencing_token`](Self::fencing_token) along to whatever can check it. See [`Term`] for what no
/// library can stop.
#[derive(Debug)]
#[must_use = "dropping the guard releases the lock"]
pub struct LockGuard {
    resource: Resource,
    term: Term,
    /// `None` once somebody waits for the unlock.
    handle: Option<Handle>,
}

impl LockGuard {
    pub(crate) fn new(resource: Resource, term: Term, handle: Option<Handle>) -> Self {
        Self { resource, term, handle }
    }

    /// What is locked.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The token of this holding, higher than that of every earlier one.
    #[must_use]
    pub fn fencing_token(&self) -> FencingToken {
        self.term.fencing_token()
    }

    /// Whether the lock is still held, by the clock at this call.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.term.is_active()
    }

    /// For how long it is held at least, unless it is lost before. Each renewal moves it.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.term.remaining()
    }

    /// Returns the term of this lock, for other tasks. Clones are cheap.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term.clone()
    }

    /// Completes when the lock is not held any more. The future borrows nothing.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Safe; call it again at any time.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.term.ended()
    }

    /// Runs `future` until it completes or the lock is lost, whichever is first. Lost: `None`, and
    /// the future is dropped. See [`Term::run`].
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`.
    ///
    /// # Panics
    ///
    /// If `future` does.
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        self.term.run(future).await
    }

    /// Releases the lock and waits for the store's answer. It never touches what is somebody
    /// else's by then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lost`] if it was not mine any more, so that what was done under it may have
    /// overlapped with another's work; otherwise why the release could not be confirmed, in which
    /// case the lock expires by itself.
    ///
    /// # Cancel safety
    ///
    /// The release goes on when the future is dropped, only nobody waits for it.
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
                "lock {} was lost before it was unlocked; another holder may have had it meanwhile",
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
