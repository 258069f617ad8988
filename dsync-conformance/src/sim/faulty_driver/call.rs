//! What is asked of a store, and what it answers.

use dsync::Result;
use dsync::driver::{Acquired, Claim, Driver, Holder, Key, Lease, Released, Renewed};

use crate::history::{Outcome, Verb};

/// What is asked.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Read,
    Acquire(Claim),
    Renew(Lease),
    Release(Lease),
}

/// What the store answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Read(Option<Lease>),
    Acquire(Acquired),
    Renew(Renewed),
    Release(Released),
}

impl Request {
    pub(super) fn verb(&self) -> Verb {
        match self {
            Self::Read => Verb::Read,
            Self::Acquire(_) => Verb::Acquire,
            Self::Renew(_) => Verb::Renew,
            Self::Release(_) => Verb::Release,
        }
    }

    pub(super) fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Read => None,
            Self::Acquire(claim) => Some(&claim.holder),
            Self::Renew(lease) | Self::Release(lease) => lease.holder.as_ref(),
        }
    }

    /// The token of the lease that is given up.
    pub(super) fn token(&self) -> Option<u64> {
        match self {
            Self::Release(lease) => Some(lease.fencing_token.get()),
            _ => None,
        }
    }

    pub(super) async fn perform(&self, driver: &dyn Driver, key: &Key) -> Result<Reply> {
        match self {
            Self::Read => driver.read(key).await.map(Reply::Read),
            Self::Acquire(claim) => driver.acquire(key, claim).await.map(Reply::Acquire),
            Self::Renew(lease) => driver.renew(key, lease).await.map(Reply::Renew),
            Self::Release(lease) => driver.release(key, lease).await.map(Reply::Release),
        }
    }
}

/// What a result comes to, and the token in it.
pub(super) fn judge(result: &Result<Reply>) -> (Outcome, Option<u64>) {
    let token = |lease: &Lease| lease.fencing_token.get();
    match result {
        Ok(Reply::Read(record)) => (Outcome::Read, record.as_ref().map(token)),
        Ok(Reply::Acquire(Acquired::Won(lease))) => {
            (Outcome::Won(token(lease)), Some(token(lease)))
        }
        Ok(Reply::Acquire(Acquired::Held(_))) => (Outcome::Held, None),
        Ok(Reply::Renew(Renewed::Kept(lease))) => (Outcome::Kept, Some(token(lease))),
        Ok(Reply::Renew(Renewed::Lost(_))) => (Outcome::Lost, None),
        Ok(Reply::Renew(Renewed::Conflict) | Reply::Release(Released::Conflict)) => {
            (Outcome::Conflict, None)
        }
        Ok(Reply::Release(Released::Freed)) => (Outcome::Released, None),
        Ok(Reply::Release(Released::NotHeld)) => (Outcome::NotHeld, None),
        Err(error) if error.is_ambiguous() => (Outcome::Ambiguous, None),
        Err(_) => (Outcome::Refused, None),
    }
}
