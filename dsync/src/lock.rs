//! Who may.

mod guard;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::guard::LockGuard;
use crate::driver::Key;
use crate::keeper::{Handle, KeeperPool};
use crate::tenure::{Finish, Mode};
use crate::{Resource, Result, Timing};

/// A lock between processes. Cheap to clone; it sends nothing until it is asked to lock.
///
/// A lock is held by a [`LockGuard`], which is renewed in the background for as long as it lives:
/// there is no time to live to guess, and none that is infinite. Like every lease it can be lost;
/// the guard says so ([`LockGuard::lost`]).
///
/// It is not re-entrant: to lock twice in one process is to wait for oneself. There are no
/// read-write locks and no semaphores, and there is no order among those who wait.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> dsync::Result<()> {
/// let dsync = dsync::Dsync::new(dsync_mock::MockDriver::new(), "pod-a")?;
/// let lock = dsync.lock("check-account-42")?;
///
/// let guard = lock.lock().await?;
/// assert!(lock.try_lock().await?.is_none(), "somebody holds it");
/// guard.unlock().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Lock {
    resource: Resource,
    key: Key,
    timing: Timing,
    pool: Arc<KeeperPool>,
}

impl Lock {
    pub(crate) fn new(resource: Resource, key: Key, timing: Timing, pool: Arc<KeeperPool>) -> Self {
        Self { resource, key, timing, pool }
    }

    /// What is locked.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Where the store keeps it.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Waits for the lock, through contention, conflicts and trouble that may pass.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) after a shutdown; what is wrong for good,
    /// such as [`ErrorKind::Denied`](crate::ErrorKind::Denied) for four lease durations.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was on its way is released in the background, or expires.
    pub async fn lock(&self) -> Result<LockGuard> {
        loop {
            if let Some(guard) = self.acquire(Mode::Wait).await? {
                return Ok(guard);
            }
            // Shut down; or it was won and lost again before this was polled.
            self.pool.check()?;
        }
    }

    /// Waits for the lock no longer than `wait`. `None`: somebody else held it all the time.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock); a time-out leaves no more behind than that.
    pub async fn lock_timeout(&self, wait: Duration) -> Result<Option<LockGuard>> {
        tokio::select! {
            biased;
            guard = self.lock() => guard.map(Some),
            () = self.pool.sleep(wait) => Ok(None),
        }
    }

    /// Takes the lock if nobody holds it. `None`: somebody does. It waits for answers of the
    /// store, never for the holder.
    ///
    /// On stores where observers tell a dead holder by its silence (Kubernetes), a holder that
    /// was first seen by this call is not known to be dead yet; a call after its lease's duration
    /// takes the lock.
    ///
    /// # Errors
    ///
    /// Whatever kept the store from answering.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock).
    pub async fn try_lock(&self) -> Result<Option<LockGuard>> {
        self.acquire(Mode::Try).await
    }

    /// The instance that holds the lock, by what the store says now. For people: it may have
    /// crashed without anybody knowing yet.
    ///
    /// # Errors
    ///
    /// Whatever kept the store from answering.
    ///
    /// # Cancel safety
    ///
    /// Safe; it changes nothing.
    pub async fn holder(&self) -> Result<Option<Arc<str>>> {
        self.pool.check()?;
        let lease = self.pool.read(&self.key, self.timing.request_timeout()).await?;
        Ok(lease.and_then(|lease| lease.holder).map(|holder| holder.instance().into()))
    }

    async fn acquire(&self, mode: Mode) -> Result<Option<LockGuard>> {
        let handle = self.pool.start(self.key.clone(), self.timing.clone(), mode)?;
        let waiting = Waiting(Some(handle));
        let Some(handle) = &waiting.0 else { return Ok(None) };
        let term = handle
            .wait_for(|status| match (status.active_term(), &status.finish) {
                (Some(term), _) => Some(Ok(Some(term.clone()))),
                (None, Some(Finish::Failed(error))) => Some(Err(error.clone())),
                (None, Some(Finish::Held | Finish::Done)) => Some(Ok(None)),
                (None, None) => None,
            })
            .await??;
        Ok(term.map(|term| LockGuard::new(self.resource.clone(), term, waiting.keep())))
    }
}

/// Stops a keeper that nobody waits for any more.
struct Waiting(Option<Handle>);

impl Waiting {
    fn keep(mut self) -> Option<Handle> {
        self.0.take()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.request_stop();
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("resource", &self.resource).finish_non_exhaustive()
    }
}
