//! [`Flawed`]: a driver that does one thing wrong.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Key, Lease, Observation, Released, Renewed, Watch,
    WatchScope,
};
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_mock::MockDriver;
use tokio::task::yield_now;

use super::classifying::reported;
use super::state::{Own, Shared};
use super::{Flaw, acquiring, ghosts, streams, writing};

/// The shortest lease that [`Flaw::DeclaresShortLeases`] can keep.
const SHORTEST: Duration = Duration::from_millis(500);

/// A connection to a store in memory, with a flaw. A clone is another connection.
pub struct Flawed {
    pub(super) inner: MockDriver,
    pub(super) flaw: Flaw,
    pub(super) shared: Arc<Shared>,
    pub(super) own: Own,
    /// Which connection of the store it is, from one.
    number: u64,
}

impl Flawed {
    /// A driver over `store` that has `flaw`.
    #[must_use]
    pub fn new(store: MockDriver, flaw: Flaw) -> Self {
        Self::over(store, flaw, Arc::default())
    }

    fn over(inner: MockDriver, flaw: Flaw, shared: Arc<Shared>) -> Self {
        let number = {
            let mut facts = shared.lock();
            facts.connections += 1;
            facts.connections
        };
        Self { inner, flaw, shared, own: Own::default(), number }
    }

    /// What shows leases as this connection does, for a watch that may outlive it.
    pub(super) fn translator(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            flaw: self.flaw,
            shared: Arc::clone(&self.shared),
            own: Own::default(),
            number: self.number,
        }
    }

    /// The store, without the flaw.
    pub(super) fn store(&self) -> MockDriver {
        self.inner.clone()
    }

    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    /// The key under which a record is kept.
    fn key(&self, key: &Key) -> Key {
        match self.flaw {
            Flaw::TruncatesNames => {
                let name: String = key.name().chars().take(63).collect();
                Key::new(key.kind(), key.namespace(), name)
            }
            Flaw::IgnoresNamespaces => Key::new(key.kind(), "all", key.name()),
            _ => key.clone(),
        }
    }

    /// The duration that is written for one that was asked for.
    pub(super) fn duration(&self, asked: Duration) -> Duration {
        match self.flaw {
            Flaw::ExpiresEarly => asked * 9 / 10,
            Flaw::ExpiresLate => asked * 2,
            Flaw::DeclaresShortLeases => asked.max(SHORTEST),
            _ => asked,
        }
    }

    /// Whether the write that was just applied is answered with an error.
    fn loses_an_answer(&self) -> Result<()> {
        let mut own = self.own.lock();
        own.writes += 1;
        if self.has(Flaw::DefiniteAlthoughApplied) && own.writes.is_multiple_of(7) {
            return Err(Error::definite(ErrorKind::Unavailable, "the connection was reset"));
        }
        Ok(())
    }
}

impl Clone for Flawed {
    /// Another connection to the same store.
    fn clone(&self) -> Self {
        Self::over(self.inner.clone(), self.flaw, Arc::clone(&self.shared))
    }
}

impl Drop for Flawed {
    fn drop(&mut self) {
        if self.has(Flaw::GhostRenewals)
            && let Some((key, lease)) = self.own.lock().last.take()
        {
            ghosts::renew_for_ever(self.inner.clone(), key, lease);
        }
    }
}

#[async_trait]
impl Driver for Flawed {
    fn name(&self) -> &'static str {
        "flawed"
    }

    fn capabilities(&self) -> Capabilities {
        let honest = self.inner.capabilities();
        match self.flaw {
            Flaw::DeclaresKeptElections => honest.with_released_elections_kept(),
            Flaw::DeclaresThisAndThat if self.number.is_multiple_of(3) => {
                honest.with_watch(WatchScope::Nothing)
            }
            _ => honest,
        }
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        let key = &self.key(key);
        let read = self.inner.read(key).await?;
        let read = read.map(|lease| self.shown(key, lease));
        match self.flaw {
            Flaw::StaleReads => {
                let mut own = self.own.lock();
                let before = own.cache.insert(key.clone(), read.clone());
                Ok(before.unwrap_or(read))
            }
            Flaw::DeletedIsAnError if read.is_none() && self.shared.lock().known.contains(key) => {
                Err(Error::definite(ErrorKind::Unavailable, "404: not found"))
            }
            Flaw::MixesUpAnswers => {
                self.own.lock().answers.push_back(Ok(read));
                yield_now().await;
                let first = self.own.lock().answers.pop_front();
                first.unwrap_or(Ok(None))
            }
            _ => Ok(read),
        }
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        let key = &self.key(key);
        let acquired = reported(self, key, acquiring::acquire(self, key, claim)).await?;
        if let Acquired::Won(lease) = &acquired {
            self.shared.lock().known.insert(key.clone());
            self.own.lock().last = Some((key.clone(), lease.clone()));
            self.loses_an_answer()?;
        }
        Ok(acquired)
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let key = &self.key(key);
        let renewed = reported(self, key, writing::renew(self, key, lease)).await?;
        if let Renewed::Kept(lease) = &renewed {
            self.own.lock().last = Some((key.clone(), lease.clone()));
            self.loses_an_answer()?;
        }
        Ok(renewed)
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        let key = &self.key(key);
        let released = reported(self, key, writing::release(self, key, lease)).await?;
        if released == Released::Freed {
            self.shared.lock().known.remove(key);
            self.loses_an_answer()?;
        }
        Ok(released)
    }

    fn watch(&self, key: &Key) -> Watch {
        let key = self.key(key);
        if self.has(Flaw::DeclaresAWatch) {
            return Observation::silence();
        }
        if self.has(Flaw::TasksOutliveIt) {
            ghosts::linger();
        }
        streams::watch(self, &key)
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

impl fmt::Debug for Flawed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flawed").field("flaw", &self.flaw).finish_non_exhaustive()
    }
}
