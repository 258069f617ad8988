//! A driver for dsync that keeps its records in a folder, for the processes of one machine.

mod error;
mod folder;
mod record;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{
    Acquired, Capabilities, Claim, Driver, Expiry, Key, KeyKind, Lease, Observation, Released,
    Renewed, Watch,
};
use dsync::{Error, ErrorKind, Result, async_trait};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use self::folder::{Folder, Locked};
use self::record::{Record, in_millis};

/// Keeps leases in a folder on a local disk.
#[derive(Debug)]
pub struct FileDriver {
    folder: Arc<Folder>,
    /// Who may write. One call at a time, so that no more than one thread waits for other
    /// processes, and a write whose caller has left is over before the next one begins.
    turn: Arc<Mutex<()>>,
}

impl FileDriver {
    /// A driver on this folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let folder = blocking(move || Folder::open(folder)).await?;
        Ok(Self { folder: Arc::new(folder), turn: Arc::default() })
    }

    /// Lets `change` read the record and write it, while no other caller writes.
    async fn write<T, F>(&self, key: &Key, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Locked, Option<Record>) -> Result<T> + Send + 'static,
    {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (folder, key) = (Arc::clone(&self.folder), key.clone());
        let call = move || {
            let _until_it_is_over = turn;
            let mut locked = folder.lock(&key)?;
            change(&mut locked, folder.read(&key)?)
        };
        blocking(call).await
    }
}

/// On a thread that may wait for a disk. When the caller leaves, the work goes on to its end.
async fn blocking<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    spawn_blocking(work).await.unwrap_or_else(|gone| {
        Err(Error::ambiguous(ErrorKind::Internal, format!("the work was not finished: {gone}")))
    })
}

#[async_trait]
impl Driver for FileDriver {
    fn name(&self) -> &'static str {
        "file"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Expiry::Observer)
            .with_lease(Duration::from_millis(1500), Duration::from_millis(1))
            .with_released_elections_kept()
            .with_token_surviving_delete()
            .with_token_surviving_restart()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        let (folder, key) = (Arc::clone(&self.folder), key.clone());
        let found = blocking(move || folder.read(&key)).await?;
        Ok(found.as_ref().map(Record::lease))
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        let claim = claim.clone();
        let change = move |locked: &mut Locked, found: Option<Record>| {
            let is_free = match (&found, &claim.take_over) {
                (None, None) => true,
                (Some(record), None) => record.holder.is_none(),
                (Some(record), Some(version)) => record.version() == *version,
                (None, Some(_)) => false,
            };
            if !is_free {
                return Ok(Acquired::Held(found.as_ref().map(Record::lease)));
            }
            let before = found.map_or(0, |record| record.number);
            let number = locked.next(before.max(claim.token_floor.get()))?;
            let duration_ms = in_millis(claim.duration);
            let holder = Some(claim.holder);
            let record = Record { number, token: number, duration_ms, holder };
            locked.put(&record)?;
            Ok(Acquired::Won(record.lease()))
        };
        self.write(key, change).await
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let lease = lease.clone();
        let change = move |locked: &mut Locked, found: Option<Record>| {
            let Some(mut record) = found else {
                return Ok(Renewed::Lost(None));
            };
            if record.holder.is_none() || record.holder != lease.holder {
                return Ok(Renewed::Lost(Some(record.lease())));
            }
            if record.version() != lease.version {
                return Ok(Renewed::Conflict);
            }
            record.number = locked.next(record.number)?;
            record.duration_ms = lease.duration.map_or(record.duration_ms, in_millis);
            locked.put(&record)?;
            Ok(Renewed::Kept(record.lease()))
        };
        self.write(key, change).await
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        let (lease, kind) = (lease.clone(), key.kind());
        let change = move |locked: &mut Locked, found: Option<Record>| {
            let Some(mut record) = found else {
                return Ok(Released::NotHeld);
            };
            if record.holder.is_none() || record.holder != lease.holder {
                return Ok(Released::NotHeld);
            }
            if record.version() != lease.version {
                return Ok(Released::Conflict);
            }
            if kind == KeyKind::Lock {
                locked.remove()?;
            } else {
                record.number = locked.next(record.number)?;
                record.holder = None;
                locked.put(&record)?;
            }
            Ok(Released::Freed)
        };
        self.write(key, change).await
    }

    fn watch(&self, _key: &Key) -> Watch {
        Observation::silence()
    }

    async fn close(&self) {
        // A write whose caller has given up ends first.
        drop(self.turn.lock().await);
    }
}
