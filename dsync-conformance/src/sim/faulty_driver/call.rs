//! One call on its way to the store and back.

use std::future::pending;
use std::sync::Arc;

use dsync::driver::{Acquired, Claim, Driver, Holder, Key, Lease, Released, Renewed};
use dsync::{Error, ErrorKind, Result};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{Site, of};
use crate::history::{Event, Outcome, Verb};
use crate::sim::network::{Fate, Mishap};
use crate::tasks;

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
            Self::Renew(lease) | Self::Release(lease) => of(lease),
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

/// The request goes its way, whether or not its caller still waits.
pub(super) async fn travel(
    site: &Arc<Site>,
    call: u64,
    key: &Key,
    request: Request,
    fate: Fate,
) -> Result<Reply> {
    if let Some(error) = fate.refused {
        return Err(error);
    }
    match fate.mishap {
        Some(Mishap::LoseRequest { hang: true }) => return pending().await,
        Some(Mishap::LoseRequest { hang: false }) => return Err(broken()),
        Some(Mishap::Fail) => {
            return Err(Error::definite(ErrorKind::Unavailable, "the store refused the request"));
        }
        Some(Mishap::Conflict) => match &request {
            Request::Renew(_) => return Ok(Reply::Renew(Renewed::Conflict)),
            Request::Release(_) => return Ok(Reply::Release(Released::Conflict)),
            Request::Read | Request::Acquire(_) => {}
        },
        _ => {}
    }
    if fate.stale
        && let Some(reply) = site.stale(key)
    {
        return Ok(reply);
    }
    let (sender, answer) = oneshot::channel();
    let (site, key) = (Arc::clone(site), key.clone());
    site.link.departs();
    tasks::spawn(async move {
        let _through = Through(Arc::clone(&site));
        if !fate.request_delay.is_zero() {
            sleep(fate.request_delay).await;
        }
        if let Some(Mishap::Late(delay)) = fate.mishap {
            sleep(delay).await;
        }
        let result = site.store(call, &key, &request).await;
        let lost = match fate.mishap {
            Some(Mishap::LoseAnswer { hang: false }) => Some(Err(broken())),
            Some(Mishap::LoseAnswer { hang: true } | Mishap::Late(_)) => return,
            _ => None,
        };
        if !fate.answer_delay.is_zero() {
            sleep(fate.answer_delay).await;
        }
        if site.link.passes_answers(site.recorder.now()) {
            // The caller may have gone: a late answer finds nobody.
            drop(sender.send(lost.unwrap_or(result)));
        } else {
            let node = Some(site.process.machine.index);
            site.recorder.note(node, Event::Took { kind: "cut_answers" });
        }
        if let Some(Mishap::Duplicate(delay)) = fate.mishap {
            sleep(delay).await;
            // Its answer finds nobody: the first one came.
            drop(site.store(call, &key, &request).await);
        }
    });
    match answer.await {
        Ok(result) => result,
        Err(_) => pending().await,
    }
}

/// Tells the link when the request is through for good.
struct Through(Arc<Site>);

impl Drop for Through {
    fn drop(&mut self) {
        self.0.link.is_through();
    }
}

fn broken() -> Error {
    Error::ambiguous(ErrorKind::Unavailable, "the connection broke before the answer came")
}
