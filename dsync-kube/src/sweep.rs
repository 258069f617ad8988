//! Deletes the Leases that crashed lock holders have left behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsync::driver::{Key, KeyKind, Pulse};
use dsync::{Error, ErrorKind, Result};
use serde_json::Value;
use tokio::time::Instant;

use crate::clock;
use crate::record::{BadRecord, Record};
use crate::requests::Call;
use crate::verbs::Store;

/// A Lease is left behind if it has not changed for this many of its own durations.
const DURATIONS: u32 = 10;

/// The result of a [sweep](crate::KubeDriver::sweep): numbers of Leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Lock Leases in the namespace that this crate has created.
    pub seen: usize,
    /// Those that were left behind and have now been deleted.
    pub deleted: usize,
    /// Those that may be in use, or have not been observed for long enough.
    pub waiting: usize,
}

/// What earlier sweeps have observed, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Sightings(Mutex<HashMap<String, HashMap<String, Sighting>>>);

#[derive(Clone, Debug)]
struct Sighting {
    uid: String,
    pulse: Pulse,
    since: Instant,
}

impl Sightings {
    pub(crate) async fn sweep(&self, store: &Store, namespace: &str) -> Result<Swept> {
        let records = list(store, namespace).await?;
        let left = self.left_behind(namespace, &records, clock::now());
        let mut swept = Swept { seen: records.len(), deleted: 0, waiting: records.len() };
        for record in left {
            let key = Key::new(KeyKind::Lock, namespace, record.name());
            if store.delete_at(&key, &record).await? {
                swept.deleted += 1;
                swept.waiting -= 1;
            }
        }
        Ok(swept)
    }

    /// Returns the records that have not changed for long enough, on the driver's own clock.
    fn left_behind(
        &self,
        namespace: &str,
        records: &[Arc<Record>],
        now: Instant,
    ) -> Vec<Arc<Record>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.remove(namespace).unwrap_or_default();
        let mut left = Vec::new();
        let mut seen = HashMap::new();
        for record in records {
            let pulse = record.pulse();
            let same = |it: &&Sighting| it.uid == record.uid() && it.pulse == pulse;
            let since = before.get(record.name()).filter(same).map_or(now, |it| it.since);
            // A held Lease without a usable duration was edited by hand, and is left alone.
            let limit = record.duration().map(|duration| duration * DURATIONS);
            let limit = limit.or(record.is_vacant().then_some(Duration::from_secs(150)));
            if limit.is_some_and(|limit| now.duration_since(since) >= limit) {
                left.push(Arc::clone(record));
            }
            seen.insert(
                record.name().to_owned(),
                Sighting { uid: record.uid().to_owned(), pulse, since },
            );
        }
        all.insert(namespace.to_owned(), seen);
        left
    }
}

async fn list(store: &Store, namespace: &str) -> Result<Vec<Arc<Record>>> {
    let mut records = Vec::new();
    let mut page: Option<String> = None;
    loop {
        let call = Call::list_locks(namespace, page.as_deref())?;
        let answer = store.session.ask(&call).await;
        let mut list = answer.map_err(|failure| store.session.error(&call, failure))?;
        let Value::Array(items) = list["items"].take() else {
            let message = "the API server returned something other than a list of Leases";
            return Err(Error::definite(ErrorKind::Unsupported, message));
        };
        for item in items {
            records.push(Arc::new(Record::parse(item).map_err(BadRecord::read)?));
        }
        page = list["metadata"]["continue"].as_str().filter(|it| !it.is_empty()).map(Into::into);
        if page.is_none() {
            return Ok(records);
        }
    }
}
