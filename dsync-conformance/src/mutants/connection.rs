//! [`MutantDriver`]: a driver that does one thing wrong.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::Key;
use dsync::{Error, ErrorKind, Result};
use dsync_mock::MockDriver;

use super::ghosts;
use super::list::Mutant;
use super::state::{Own, Shared};

/// The shortest lease that [`Mutant::DeclaresShortLeases`] can keep.
const SHORTEST: Duration = Duration::from_millis(500);

/// A connection to a store in memory, with a mutant. A clone is another connection.
pub struct MutantDriver {
    pub(super) inner: MockDriver,
    pub(super) mutant: Mutant,
    pub(super) shared: Arc<Shared>,
    pub(super) own: Own,
    /// Which connection of the store it is, from one.
    pub(super) number: u64,
}

impl MutantDriver {
    /// A driver over `store` that has `mutant`.
    #[must_use]
    pub fn new(store: MockDriver, mutant: Mutant) -> Self {
        Self::over(store, mutant, Arc::default())
    }

    fn over(inner: MockDriver, mutant: Mutant, shared: Arc<Shared>) -> Self {
        let number = {
            let mut facts = shared.lock();
            facts.connections += 1;
            facts.connections
        };
        Self { inner, mutant, shared, own: Own::default(), number }
    }

    /// What shows leases as this connection does, for a watch that may outlive it.
    pub(super) fn translator(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            mutant: self.mutant,
            shared: Arc::clone(&self.shared),
            own: Own::default(),
            number: self.number,
        }
    }

    /// The store, without the mistake.
    pub(super) fn store(&self) -> MockDriver {
        self.inner.clone()
    }

    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == mutant
    }

    /// The key under which a record is kept.
    pub(super) fn key(&self, key: &Key) -> Key {
        match self.mutant {
            Mutant::TruncatesNames => {
                let name: String = key.name().chars().take(63).collect();
                Key::new(key.kind(), key.namespace(), name)
            }
            Mutant::IgnoresNamespaces => Key::new(key.kind(), "all", key.name()),
            _ => key.clone(),
        }
    }

    /// The duration that is written for one that was asked for.
    pub(super) fn duration(&self, asked: Duration) -> Duration {
        match self.mutant {
            Mutant::ExpiresEarly => asked * 9 / 10,
            Mutant::ExpiresLate => asked * 2,
            Mutant::DeclaresShortLeases => asked.max(SHORTEST),
            _ => asked,
        }
    }

    /// Whether the write that was just applied is answered with an error.
    pub(super) fn loses_an_answer(&self) -> Result<()> {
        let mut own = self.own.lock();
        own.writes += 1;
        if self.has(Mutant::DefiniteAlthoughApplied) && own.writes.is_multiple_of(7) {
            return Err(Error::definite(ErrorKind::Unavailable, "the connection was reset"));
        }
        Ok(())
    }
}

impl Clone for MutantDriver {
    /// Another connection to the same store.
    fn clone(&self) -> Self {
        Self::over(self.inner.clone(), self.mutant, Arc::clone(&self.shared))
    }
}

impl Drop for MutantDriver {
    fn drop(&mut self) {
        if self.has(Mutant::GhostRenewals)
            && let Some((key, lease)) = self.own.lock().last.take()
        {
            ghosts::renew_for_ever(self.inner.clone(), key, lease);
        }
    }
}

impl fmt::Debug for MutantDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutantDriver").field("mutant", &self.mutant).finish_non_exhaustive()
    }
}
