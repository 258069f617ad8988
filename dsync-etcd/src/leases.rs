//! Store leases: one for each acquisition, one spare, and those that nobody needs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsync::env::{Env, Instant, TokioEnv};
use dsync::{Error, ErrorKind, Result};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::session::Session;

/// How long revoking what is left may take when the driver is closed. Else it runs out by itself.
const CLOSING: Duration = Duration::from_secs(1);

/// A store lease that no key hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreLease {
    pub(crate) id: i64,
    /// The earliest instant at which it may run out, unless it is kept alive.
    ends: Instant,
    ttl: Duration,
}

impl StoreLease {
    /// Whether a claim of `duration` that begins now is sure to last, and lasts not much longer.
    fn suits(&self, duration: Duration, now: Instant) -> bool {
        now + duration <= self.ends && self.ttl == ttl(duration)
    }
}

/// The longest that the server takes is 9,000,000,000 s; nobody means more than a year.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// In whole seconds, and up to one more than was asked for: for so long a spare can be used.
const SLACK: Duration = Duration::from_secs(1);

fn ttl(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs()) + SLACK
}

pub(crate) struct Leases {
    session: Arc<Session>,
    env: TokioEnv,
    spare: Mutex<Option<StoreLease>>,
    /// Those of acquisitions, while they are young enough to become the spare.
    young: Mutex<BTreeMap<i64, StoreLease>>,
    /// Where ids go that are to be revoked. `None`: it was closed.
    unneeded: Mutex<Option<UnboundedSender<i64>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Leases {
    pub(crate) fn new(session: Arc<Session>) -> Result<Self> {
        let env = TokioEnv::new()?;
        let (unneeded, ids) = unbounded_channel();
        let task = start(Arc::clone(&session), ids);
        Ok(Self {
            session,
            env,
            spare: Mutex::default(),
            young: Mutex::default(),
            unneeded: Mutex::new(Some(unneeded)),
            task: Mutex::new(Some(task)),
        })
    }

    /// The spare, if it suits, or a new one.
    pub(crate) async fn take(&self, duration: Duration) -> Result<StoreLease> {
        let spare = lock(&self.spare).take();
        if let Some(spare) = spare {
            if spare.suits(duration, self.env.now()) {
                return Ok(spare);
            }
            self.revoke(spare.id);
        }
        if duration > LONGEST {
            let message =
                format!("a lease of {duration:?} is too long for etcd, which takes {LONGEST:?}");
            return Err(Error::definite(ErrorKind::Invalid, message));
        }
        let (sent, ttl) = (self.env.now(), ttl(duration));
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let granted =
            self.session.ask(|mut client| async move { client.lease_grant(seconds, None).await });
        Ok(StoreLease { id: granted.await?.id(), ends: sent + ttl, ttl })
    }

    /// A key hangs on it now.
    pub(crate) fn used(&self, lease: StoreLease) {
        let now = self.env.now();
        let mut young = lock(&self.young);
        young.retain(|_, lease| now < lease.ends);
        young.insert(lease.id, lease);
    }

    /// No key hangs on it any more, for certain.
    pub(crate) fn unused(&self, id: i64) {
        let lease = lock(&self.young).remove(&id);
        match lease {
            Some(lease) => self.put_back(lease),
            None => self.revoke(id),
        }
    }

    /// Keeps a store lease that no key hangs on, for certain, as the spare; or revokes it.
    pub(crate) fn put_back(&self, lease: StoreLease) {
        let is_of_use = lease.suits(lease.ttl.saturating_sub(SLACK), self.env.now());
        let surplus = if is_of_use { lock(&self.spare).replace(lease) } else { Some(lease) };
        if let Some(surplus) = surplus {
            self.revoke(surplus.id);
        }
    }

    /// Revokes a store lease that no key hangs on, for certain, some time soon.
    fn revoke(&self, id: i64) {
        if let Some(unneeded) = &*lock(&self.unneeded) {
            // The task ends with the driver alone.
            let _ = unneeded.send(id);
        }
    }

    /// Revokes the spare and what is left.
    pub(crate) async fn close(&self) {
        let spare = lock(&self.spare).take();
        if let Some(spare) = spare {
            self.revoke(spare.id);
        }
        drop(lock(&self.unneeded).take());
        let task = lock(&self.task).take();
        if let Some(mut task) = task
            && timeout(CLOSING, &mut task).await.is_err()
        {
            task.abort();
        }
    }

    pub(crate) fn abort(&self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

/// Revokes one store lease after the other, until there is nobody left to ask for it.
#[expect(clippy::disallowed_methods, reason = "this module owns the task that revokes")]
fn start(session: Arc<Session>, mut ids: UnboundedReceiver<i64>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(id) = ids.recv().await {
            let revoked = session.ask(|mut client| async move { client.lease_revoke(id).await });
            // It runs out by itself where that fails.
            match timeout(CLOSING, revoked).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::debug!(target: "dsync", %error, "a store lease is left to run out");
                }
                Err(_) => tracing::debug!(target: "dsync", "a store lease is left to run out"),
            }
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("spare", &*lock(&self.spare)).finish_non_exhaustive()
    }
}
