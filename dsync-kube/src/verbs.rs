//! The verbs of the contract as requests. Each applies at most one write.

use std::sync::Arc;

use dsync::Result;
use dsync::driver::{Acquired, Claim, Key, KeyKind, Lease, Released, Renewed};
use dsync::{Error, ErrorKind};
use serde_json::Value;

use crate::answer::{Failure, Refusal};
use crate::cache::Cache;
use crate::clock;
use crate::record::{BadRecord, Record};
use crate::requests::Call;
use crate::session::Session;

/// The Leases of the API server.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) session: Session,
    pub(crate) cache: Cache,
}

/// The outcome of a conditional write.
enum Written {
    Done(Arc<Record>),
    /// The object has another version now. Nothing was written.
    Moved,
    /// The object does not exist. Nothing was written.
    Gone,
}

/// How the object compares with the lease that its holder believes in.
enum Standing {
    /// Same holder, same version.
    Held(Arc<Record>),
    /// Same holder, another version: something else in the object was edited.
    Changed,
    /// Another holder, or none.
    Lost(Option<Lease>),
}

impl Store {
    pub(crate) async fn read(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        let call = Call::get(key)?;
        let sent = self.cache.sending();
        let record = match self.session.ask(&call).await {
            Ok(object) => Some(Arc::new(Record::parse(object).map_err(BadRecord::read)?)),
            Err(failure) if failure.refusal().is_some_and(Refusal::is_no_such_lease) => None,
            Err(failure) => return Err(self.session.error(&call, failure)),
        };
        self.cache.answered(key, sent, record.as_ref());
        Ok(record)
    }

    pub(crate) async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        // 1. Find the object to replace. The cache may only prove that a vacant object exists. It
        //    may be stale, so "no object" and "held" need a read: the contract requires that a free
        //    key is taken.
        let known = match &claim.take_over {
            None => self.cache.usable(key).filter(|record| record.is_vacant()),
            Some(version) => self.cache.at(key, version),
        };
        let record = match (known, &claim.take_over) {
            (Some(record), _) => record,
            (None, Some(version)) => match self.read(key).await? {
                // At another version the object is left alone even if it is vacant: the core
                // relies on this attempt succeeding at `version` or never. Otherwise a delayed
                // request could acquire the lease after the core has given the attempt up.
                Some(record) if record.version() == *version => record,
                record => return Ok(Acquired::Held(record.map(|record| record.lease()))),
            },
            // 2. Or create it. If another candidate was faster, read what it has created; it may
            //    be vacant again by now.
            (None, None) => match self.create(key, claim).await? {
                Some(created) => return won(claim, &created),
                None => match self.read(key).await? {
                    Some(record) if record.is_vacant() => record,
                    record => return Ok(Acquired::Held(record.map(|record| record.lease()))),
                },
            },
        };
        // 3. Replace it, on condition that it still has that version. Two candidates can reach
        //    this point with the same object; the API server lets one of them win.
        if let Some(strategy) = record.strategy() {
            return Err(Error::definite(
                ErrorKind::Unsupported,
                format!(
                    "lease \"{key}\" has `spec.strategy` {strategy:?}, so the election controller of \
                     the API server chooses its holder; use another name"
                ),
            ));
        }
        let object = record.acquired(claim, clock::wall())?;
        match self.replace(key, &record, &object).await? {
            Written::Done(record) => won(claim, &record),
            Written::Moved | Written::Gone => Ok(Acquired::Held(None)),
        }
    }

    /// Writes a new renew time, on condition that the object still has the version of `lease`.
    pub(crate) async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let record = match self.standing(key, lease).await? {
            Standing::Held(record) => record,
            Standing::Changed => return Ok(Renewed::Conflict),
            Standing::Lost(record) => return Ok(Renewed::Lost(record)),
        };
        let object = record.renewed(lease.duration, clock::wall())?;
        Ok(match self.replace(key, &record, &object).await? {
            Written::Done(record) => Renewed::Kept(record.lease()),
            Written::Moved => Renewed::Conflict,
            Written::Gone => Renewed::Lost(None),
        })
    }

    /// Deletes the object of a lock, and clears the holder of an election.
    pub(crate) async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        let record = match self.standing(key, lease).await? {
            Standing::Held(record) => record,
            Standing::Changed => return Ok(Released::Conflict),
            Standing::Lost(_) => return Ok(Released::NotHeld),
        };
        // Deleting an object with finalizers only marks it: it would stay, and look held.
        let written = if key.kind() == KeyKind::Lock && !record.outlives_deletion() {
            self.delete(key, &record).await?
        } else {
            self.replace(key, &record, &record.released(clock::wall())).await?
        };
        Ok(match written {
            Written::Done(_) => Released::Freed,
            Written::Moved => Released::Conflict,
            Written::Gone => Released::NotHeld,
        })
    }

    /// Compares `lease` with the object.
    ///
    /// If the cache has the object at the lease's version, no read is needed: should that be stale,
    /// the conditional write that follows is refused.
    async fn standing(&self, key: &Key, lease: &Lease) -> Result<Standing> {
        let known = self.cache.at(key, &lease.version);
        let record = match known {
            Some(record) => Some(record),
            None => self.read(key).await?,
        };
        Ok(match (record, &lease.holder) {
            (Some(record), Some(holder)) if record.is_held_by(holder) => {
                if record.version() == lease.version {
                    Standing::Held(record)
                } else {
                    Standing::Changed
                }
            }
            (record, _) => Standing::Lost(record.map(|record| record.lease())),
        })
    }

    /// Creates the object. Returns `None` if it exists already; nothing was written then.
    async fn create(&self, key: &Key, claim: &Claim) -> Result<Option<Arc<Record>>> {
        let call = Call::create(key, &Record::create(key, claim, clock::wall())?)?;
        let sent = self.cache.sending();
        match self.session.ask(&call).await {
            Ok(object) => {
                let record = Arc::new(Record::parse(object).map_err(BadRecord::written)?);
                self.cache.answered(key, sent, Some(&record));
                Ok(Some(record))
            }
            Err(failure) if failure.refusal().is_some_and(Refusal::is_already_there) => Ok(None),
            Err(failure) => Err(self.session.error(&call, failure)),
        }
    }

    /// Replaces `record` with `object`, which carries its uid and resourceVersion as the condition.
    async fn replace(&self, key: &Key, record: &Record, object: &Value) -> Result<Written> {
        let call = Call::update(key, object)?;
        let sent = self.cache.sending();
        match self.session.ask(&call).await {
            Ok(object) => {
                let record = Arc::new(Record::parse(object).map_err(BadRecord::written)?);
                self.cache.answered(key, sent, Some(&record));
                Ok(Written::Done(record))
            }
            Err(failure) => self.refused(key, record, &call, failure),
        }
    }

    /// Deletes the object if it is still `record`. Returns whether it did.
    pub(crate) async fn delete_at(&self, key: &Key, record: &Arc<Record>) -> Result<bool> {
        Ok(matches!(self.delete(key, record).await?, Written::Done(_)))
    }

    async fn delete(&self, key: &Key, record: &Arc<Record>) -> Result<Written> {
        let call = Call::delete(key, &record.version())?;
        let sent = self.cache.sending();
        match self.session.ask(&call).await {
            Ok(_) => {
                self.cache.deleted(key, sent, record.revision());
                Ok(Written::Done(Arc::clone(record)))
            }
            Err(failure) => self.refused(key, record, &call, failure),
        }
    }

    /// Turns a refused write into its outcome, and makes the cache distrust the refused version.
    fn refused(
        &self,
        key: &Key,
        record: &Record,
        call: &Call,
        failure: Failure,
    ) -> Result<Written> {
        let written = match failure.refusal() {
            Some(refusal) if refusal.is_conflict() => Written::Moved,
            Some(refusal) if refusal.is_no_such_lease() => Written::Gone,
            _ => return Err(self.session.error(call, failure)),
        };
        self.cache.refute(key, &record.version());
        Ok(written)
    }
}

/// Returns the lease that was won, after checking that the server stored the claimed holder: a
/// mutating webhook can change what is written.
fn won(claim: &Claim, record: &Record) -> Result<Acquired> {
    if !record.is_held_by(&claim.holder) {
        return Err(Error::ambiguous(
            ErrorKind::Unsupported,
            format!(
                "the API server stored another holder in lease \"{}\"; check whether a mutating webhook \
                 changes it",
                record.name()
            ),
        ));
    }
    if record.revision() <= claim.token_floor.get() {
        tracing::warn!(
            lease = record.name(),
            token = record.revision(),
            highest = claim.token_floor.get(),
            "fencing token did not grow; etcd may have been restored from a backup"
        );
    }
    Ok(Acquired::Won(record.lease()))
}
