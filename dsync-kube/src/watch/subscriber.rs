use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Key, Observation, Watch};
use dsync::{Error, ErrorKind, Result};
use futures_util::stream;
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

use super::registry::Registry;
use crate::cache::Slot;

/// How long a key that joins a running watch waits for its first read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The stream of one watch. Dropping it unsubscribes.
pub(super) struct Subscriber {
    registry: Arc<Registry>,
    key: Key,
    slot: Receiver<Slot>,
    /// The shared watch listed before this key was subscribed, so the key has to be read.
    unseen: bool,
    changes: u64,
    beats: u64,
    ended: bool,
}

impl Subscriber {
    pub(super) fn new(
        registry: Arc<Registry>,
        key: Key,
        slot: Receiver<Slot>,
        unseen: bool,
    ) -> Self {
        let beats = slot.borrow().beats;
        Self { registry, key, slot, unseen, changes: 0, beats, ended: false }
    }

    pub(super) fn into_stream(self) -> Watch {
        Box::pin(stream::unfold(self, async |mut this| {
            let item = this.next().await?;
            Some((item, this))
        }))
    }

    async fn next(&mut self) -> Option<Result<Observation>> {
        if self.ended {
            return None;
        }
        if self.unseen
            && let Err(error) = self.read_once().await
        {
            self.ended = true;
            return Some(Err(error));
        }
        loop {
            let slot = self.slot.borrow_and_update().clone();
            // The latest record comes before a heartbeat, and both before the end.
            if slot.changes != self.changes {
                self.changes = slot.changes;
                self.beats = slot.beats;
                return Some(Ok(Observation::Record(slot.record.map(|record| record.lease()))));
            }
            if slot.beats != self.beats {
                self.beats = slot.beats;
                return Some(Ok(Observation::Heartbeat));
            }
            if let Some(error) = slot.end {
                self.ended = true;
                return Some(Err(error));
            }
            if self.slot.changed().await.is_err() {
                self.ended = true;
                return None;
            }
        }
    }

    /// Reads the key once.
    ///
    /// Order matters: the key is already subscribed, so the watch delivers every change that
    /// happens after this read.
    async fn read_once(&mut self) -> Result<()> {
        let store = self.registry.store();
        let Ok(read) = timeout(READ_TIMEOUT, store.read(&self.key)).await else {
            let message = format!("no answer within {READ_TIMEOUT:?} to the first read of a watch");
            return Err(Error::definite(ErrorKind::Timeout, message));
        };
        read?;
        store.cache.cover(self.key.namespace(), self.key.name());
        self.unseen = false;
        Ok(())
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.registry.unsubscribe(&self.key);
    }
}

/// Returns a stream that yields `error` and ends.
pub(super) fn failed(error: Error) -> Watch {
    Box::pin(stream::iter([Err(error)]))
}
