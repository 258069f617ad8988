//! Distributed locks.

mod guard;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::guard::LockGuard;
use crate::driver::Key;
use crate::keeper::{Handle, KeeperPool};
use crate::tenure::{Finish, Mode};
use crate::{Resource, Result, Timing};

/// A lock between processes. Clones are cheap.
///
/// A `Lock` sends no request until a method acquires it. A [`LockGuard`] then holds it and renews
/// its lease in the background, so there is no time to live to choose, and a crashed holder blocks
/// others for one lease duration at most. Like every lease, a lock can be lost; the guard reports
/// it through [`LockGuard::lost`].
///
/// A lock is not re-entrant: locking twice in one process blocks on yourself. There are no
/// read-write locks and no semaphores, and waiters are not served in order.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> dsync::Result<()> {
/// let dsync = dsync::Dsync::new(dsync_mock::MockDriver::new(), "pod-a")?;
/// let lock = dsync.lock("check-account-42")?;
///
/// let guard = lock.lock().await?;
/// assert!(lock.try_lock().await?.is_none(), "it is held");
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

    /// Returns the resource of this lock.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Returns the key of this lock in the store.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Acquires the lock, waiting until it is free.
    ///
    /// The call keeps waiting through contention, conflicts, and errors that may pass.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stopped`](crate::ErrorKind::Stopped) after a shutdown, and errors that do not
    /// pass, such as [`ErrorKind::Denied`](crate::ErrorKind::Denied) for four lease durations.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a lock that was acquired in the meantime is released in the background, or its
    /// lease expires.
    pub async fn lock(&self) -> Result<LockGuard> {
        loop {
            if let Some(guard) = self.acquire(Mode::Wait).await? {
                return Ok(guard);
            }
            // Either this `Dsync` was shut down, or the lock was acquired and lost before this
            // task was polled.
            self.pool.check()?;
        }
    }

    /// Acquires the lock, waiting for `wait` at most. Returns `None` if it could not be acquired in
    /// that time.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock). A time-out leaves no more behind than a dropped future.
    pub async fn lock_timeout(&self, wait: Duration) -> Result<Option<LockGuard>> {
        tokio::select! {
            biased;
            guard = self.lock() => guard.map(Some),
            () = self.pool.sleep(wait) => Ok(None),
        }
    }

    /// Acquires the lock if it is free. Returns `None` if it is held.
    ///
    /// The call waits for answers of the store, never for the holder.
    ///
    /// On stores where observers decide the expiry (Kubernetes), a holder that this call is the
    /// first to see counts as alive. A call after the duration of its lease acquires the lock if
    /// the holder is dead.
    ///
    /// # Errors
    ///
    /// The error that kept the store from answering.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock).
    pub async fn try_lock(&self) -> Result<Option<LockGuard>> {
        self.acquire(Mode::Try).await
    }

    /// Reads which instance holds the lock. Use it for logs and dashboards only: the instance may
    /// have crashed without the lease having expired.
    ///
    /// # Errors
    ///
    /// The error that kept the store from answering.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the call changes nothing.
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

/// Stops the keeper if the caller stops waiting for it.
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
