//! The verbs of a broken driver: those of the store in memory, with its mistake in them.

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Key, Lease, Observation, Released, Renewed, Watch,
    WatchScope,
};
use dsync::{Error, ErrorKind, Result, async_trait};
use tokio::task::yield_now;

use super::classifying::reported;
use super::connection::MutantDriver;
use super::list::Mutant;
use super::{acquiring, ghosts, streams, writing};

#[async_trait]
impl Driver for MutantDriver {
    fn name(&self) -> &'static str {
        "driver"
    }

    fn capabilities(&self) -> Capabilities {
        let honest = self.inner.capabilities();
        match self.mutant {
            Mutant::DeclaresKeptElections => honest.with_released_elections_kept(),
            Mutant::DeclaresThisAndThat if self.number.is_multiple_of(3) => {
                honest.with_watch(WatchScope::Nothing)
            }
            _ => honest,
        }
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        let key = &self.key(key);
        let read = self.inner.read(key).await?;
        let read = read.map(|lease| self.shown(key, lease));
        match self.mutant {
            Mutant::StaleReads => {
                let mut own = self.own.lock();
                let before = own.cache.insert(key.clone(), read.clone());
                Ok(before.unwrap_or(read))
            }
            Mutant::DeletedIsAnError
                if read.is_none() && self.shared.lock().known.contains(key) =>
            {
                Err(Error::definite(ErrorKind::Unavailable, "404: not found"))
            }
            Mutant::MixesUpAnswers => {
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
        if self.has(Mutant::DeclaresAWatch) {
            return Observation::silence();
        }
        if self.has(Mutant::TasksOutliveIt) {
            ghosts::linger();
        }
        streams::watch(self, &key)
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
