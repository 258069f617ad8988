//! Store leases, which make etcd delete a key when its holder is gone.
//!
//! The life of a store lease:
//!
//! 1. [`take`](Leases::take): an acquisition uses the spare, if it lasts long enough, or a new one.
//! 2. [`used`](Leases::used): the transaction has attached a key to it. It is remembered while it is
//!    young enough to become the spare later.
//! 3. [`unused`](Leases::unused): the key was deleted by a release; or
//!    [`put_back`](Leases::put_back): the transaction has certainly not attached a key.
//! 4. It becomes the spare, or a background task revokes it.
//!
//! Revoking a store lease deletes its keys. One that may have a key, because the outcome of the
//! transaction is unknown, is therefore never reused and never revoked: it runs out by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsync::env::{Env, Instant, TokioEnv};
use dsync::{Error, ErrorKind, Result};

use crate::revoker::Revoker;
use crate::session::Session;

/// A store lease, and when it runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoreLease {
    pub(crate) id: i64,
    /// The earliest instant at which it may run out if it is not kept alive.
    ends: Instant,
    ttl: Duration,
}

impl StoreLease {
    /// Returns whether a claim of `duration` that begins now certainly lasts, and does not last much
    /// longer.
    fn suits(&self, duration: Duration, now: Instant) -> bool {
        now + duration <= self.ends && self.ttl == ttl(duration)
    }
}

/// The server accepts up to 9,000,000,000 s. More than a year is a mistake.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How much longer than requested a store lease lasts. For this time it can be reused as the spare.
const SLACK: Duration = Duration::from_secs(1);

/// Returns the time to live of a store lease, in whole seconds: the unit of etcd.
fn ttl(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs()) + SLACK
}

pub(crate) struct Leases {
    session: Arc<Session>,
    env: TokioEnv,
    spare: Mutex<Option<StoreLease>>,
    /// The store leases of acquisitions, while they are young enough to become the spare.
    young: Mutex<BTreeMap<i64, StoreLease>>,
    /// `None` after [`close`](Self::close).
    revoker: Mutex<Option<Revoker>>,
}

impl Leases {
    pub(crate) fn new(session: Arc<Session>) -> Result<Self> {
        let env = TokioEnv::new()?;
        let revoker = Revoker::start(&env, Arc::clone(&session));
        Ok(Self {
            session,
            env,
            spare: Mutex::default(),
            young: Mutex::default(),
            revoker: Mutex::new(Some(revoker)),
        })
    }

    /// Returns the spare if it suits, or a new store lease.
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
                format!("a lease of {duration:?} is too long; the maximum is {LONGEST:?}");
            return Err(Error::definite(ErrorKind::Invalid, message));
        }
        // Counted from before the request: the server grants it no earlier.
        let (sent, ttl) = (self.env.now(), ttl(duration));
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let granted =
            self.session.ask(|mut client| async move { client.lease_grant(seconds, None).await });
        Ok(StoreLease { id: granted.await?.id(), ends: sent + ttl, ttl })
    }

    /// Notes that a key is attached to the store lease.
    pub(crate) fn used(&self, lease: StoreLease) {
        let now = self.env.now();
        let mut young = lock(&self.young);
        young.retain(|_, lease| now < lease.ends);
        young.insert(lease.id, lease);
    }

    /// Notes that the key of a store lease has certainly been deleted.
    pub(crate) fn unused(&self, id: i64) {
        let lease = lock(&self.young).remove(&id);
        match lease {
            Some(lease) => self.put_back(lease),
            None => self.revoke(id),
        }
    }

    /// Keeps a store lease that certainly has no key as the spare, or revokes it.
    pub(crate) fn put_back(&self, lease: StoreLease) {
        let is_of_use = lease.suits(lease.ttl.saturating_sub(SLACK), self.env.now());
        let surplus = if is_of_use { lock(&self.spare).replace(lease) } else { Some(lease) };
        if let Some(surplus) = surplus {
            self.revoke(surplus.id);
        }
    }

    /// Lets the background task revoke a store lease that certainly has no key.
    fn revoke(&self, id: i64) {
        if let Some(revoker) = &*lock(&self.revoker) {
            revoker.revoke(id);
        }
    }

    /// Revokes the spare and everything that is still queued.
    pub(crate) async fn close(&self) {
        let spare = lock(&self.spare).take();
        if let Some(spare) = spare {
            self.revoke(spare.id);
        }
        let revoker = lock(&self.revoker).take();
        if let Some(revoker) = revoker {
            revoker.finish().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("spare", &*lock(&self.spare)).finish_non_exhaustive()
    }
}
