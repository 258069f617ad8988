//! A connection, for tests that expect it to work: errors and hanging calls end the test with a
//! message.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Acquired, Claim, Driver, Holder, Key, Lease, Released, Renewed, Watch};
use dsync::{Error, Result};
use tokio::time::{Instant, sleep, timeout};

use crate::Verdict;
use crate::rules::Outcome;
use crate::tasks::now;

/// A call that takes longer hangs.
const HANGS: Duration = Duration::from_secs(10);
/// A store may refuse a request that it has no room for, a few times.
const TRIES: u64 = 5;

/// A connection, as of another process. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    driver: Arc<dyn Driver>,
    rule: &'static str,
}

/// A lease that was won, and when that was.
#[derive(Clone, Debug)]
pub(crate) struct WonLease {
    pub(crate) holder: Holder,
    pub(crate) lease: Lease,
    /// Just before the call.
    pub(crate) sent: Instant,
    /// Just after it.
    pub(crate) answered: Instant,
}

impl Peer {
    pub(crate) fn new(driver: Arc<dyn Driver>, rule: &'static str) -> Self {
        Self { driver, rule }
    }

    /// The driver itself, for calls that may fail.
    pub(crate) fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    fn fail(&self, message: impl fmt::Display) -> Verdict {
        Verdict::Fail(format!("{}: {message}", self.rule))
    }

    async fn call<T, F>(&self, verb: &str, key: &Key, mut call: impl FnMut() -> F) -> Outcome<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut tries = 0;
        loop {
            let answer = timeout(HANGS, call()).await;
            let Ok(answer) = answer else {
                return Err(self.fail(format!("{verb} of {key} did not answer in {HANGS:?}")));
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) if may_pass(&error) && tries < TRIES => {
                    tries += 1;
                    sleep(error.retry_after().unwrap_or(Duration::from_millis(20 * tries))).await;
                }
                Err(error) => {
                    return Err(self.fail(format!(
                        "{verb} of {key} answered an error although nothing is wrong with the \
                         store: {error}. What others do is a value, never an error (Driver: \
                         Contract)"
                    )));
                }
            }
        }
    }

    pub(crate) async fn read(&self, key: &Key) -> Outcome<Option<Lease>> {
        self.call("read", key, || self.driver.read(key)).await
    }

    pub(crate) async fn acquire(&self, key: &Key, claim: &Claim) -> Outcome<Acquired> {
        self.call("acquire", key, || self.driver.acquire(key, claim)).await
    }

    pub(crate) async fn renew(&self, key: &Key, lease: &Lease) -> Outcome<Renewed> {
        self.call("renew", key, || self.driver.renew(key, lease)).await
    }

    pub(crate) async fn release(&self, key: &Key, lease: &Lease) -> Outcome<Released> {
        self.call("release", key, || self.driver.release(key, lease)).await
    }

    pub(crate) fn watch(&self, key: &Key) -> Watch {
        self.driver.watch(key)
    }

    /// Takes a key that is free. `after`: why it is, for the message.
    ///
    /// A driver that remembers an older state may be refused by the store and answer `Held`: the
    /// core reads then and tries again, so it counts only when a read did not help.
    pub(crate) async fn win(&self, key: &Key, claim: &Claim, after: &str) -> Outcome<WonLease> {
        let mut record = None;
        for _ in 0..3 {
            let sent = now();
            let acquired = self.acquire(key, claim).await?;
            let answered = now();
            if let Acquired::Won(lease) = acquired {
                if !lease.is_held_by(&claim.holder) {
                    return Err(self.fail(format!(
                        "acquire of {key} for {} won {}; the lease in `Won` names the claim's \
                         holder as it was given",
                        claim.holder,
                        shown(Some(&lease))
                    )));
                }
                return Ok(WonLease { holder: claim.holder.clone(), lease, sent, answered });
            }
            record = self.read(key).await?;
            if !is_free(record.as_ref()) {
                break;
            }
        }
        Err(self.fail(format!(
            "acquire of {key} for {} answered `Held`, but the key was free: {after}. It reads as \
             {}",
            claim.holder,
            shown(record.as_ref())
        )))
    }

    /// Renews a lease that no other writer has touched.
    pub(crate) async fn keep(&self, key: &Key, won: &WonLease) -> Outcome<WonLease> {
        let sent = now();
        match self.renew(key, &won.lease).await? {
            Renewed::Kept(lease) if lease.is_held_by(&won.holder) => {
                Ok(WonLease { holder: won.holder.clone(), lease, sent, answered: now() })
            }
            other => Err(self.fail(format!(
                "renew of {key} by its holder {} at the version it was last answered, {}, \
                 answered {other:?}; no other writer has touched the record",
                won.holder, won.lease.version
            ))),
        }
    }

    /// Releases a lease that no other writer has touched.
    pub(crate) async fn free(&self, key: &Key, won: &WonLease) -> Outcome {
        match self.release(key, &won.lease).await? {
            Released::Freed => Ok(()),
            other => Err(self.fail(format!(
                "release of {key} by its holder {} at the version it was last answered, {}, \
                 answered {other:?}; no other writer has touched the record",
                won.holder, won.lease.version
            ))),
        }
    }
}

fn may_pass(error: &Error) -> bool {
    error.is_retryable() && !error.is_ambiguous()
}

/// Whether a record can be acquired without taking it over.
pub(crate) fn is_free(record: Option<&Lease>) -> bool {
    record.is_none_or(|lease| lease.holder.is_none())
}

/// A record, for messages.
pub(crate) fn shown(record: Option<&Lease>) -> String {
    match record {
        None => "no record".to_owned(),
        Some(Lease { holder: Some(holder), version, .. }) => {
            format!("held by {holder} at version {version}")
        }
        Some(Lease { version, .. }) => format!("vacant at version {version}"),
    }
}
