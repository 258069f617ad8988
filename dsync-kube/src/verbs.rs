//! The verbs of the contract as requests: at most one write that is applied in each.

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

/// What became of a conditional write.
enum Written {
    Done(Arc<Record>),
    /// The object is not at that version any more. Nothing was written.
    Moved,
    /// There is no object. Nothing was written.
    Gone,
}

/// Whether a lease is still what its holder believes.
enum Standing {
    Mine(Arc<Record>),
    /// It is mine, at another version.
    Changed,
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
        // 1. Find the object to write over. The cache may say that there is a free one, but
        //    not that there is none, or that it is held: a free key must be taken.
        let known = match &claim.take_over {
            None => self.cache.usable(key).filter(|record| record.is_vacant()),
            Some(version) => self.cache.at(key, version),
        };
        let record = match (known, &claim.take_over) {
            (Some(record), _) => record,
            (None, Some(version)) => match self.read(key).await? {
                // At another version it is not even taken if it is free: the core relies on it
                // that this attempt can only ever succeed at this one.
                Some(record) if record.version() == *version => record,
                record => return Ok(Acquired::Held(record.map(|record| record.lease()))),
            },
            // 2. Or create it, and if somebody else has done so, see what there is.
            (None, None) => match self.create(key, claim).await? {
                Some(created) => return won(claim, &created),
                None => match self.read(key).await? {
                    Some(record) if record.is_vacant() => record,
                    record => return Ok(Acquired::Held(record.map(|record| record.lease()))),
                },
            },
        };
        // 3. Take it, if it is still at that version.
        if let Some(strategy) = record.strategy() {
            return Err(Error::definite(
                ErrorKind::Unsupported,
                format!(
                    "lease \"{key}\" has `spec.strategy` {strategy:?}: it belongs to the election \
                     controller of the API server, which would choose the holder as well; use \
                     another name"
                ),
            ));
        }
        let object = record.acquired(claim, clock::wall())?;
        match self.replace(key, &record, &object).await? {
            Written::Done(record) => won(claim, &record),
            Written::Moved | Written::Gone => Ok(Acquired::Held(None)),
        }
    }

    pub(crate) async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let record = match self.standing(key, lease).await? {
            Standing::Mine(record) => record,
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

    pub(crate) async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        let record = match self.standing(key, lease).await? {
            Standing::Mine(record) => record,
            Standing::Changed => return Ok(Released::Conflict),
            Standing::Lost(_) => return Ok(Released::NotHeld),
        };
        // An object with finalizers would stay after its deletion, and look held.
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

    /// Compares `lease` with the object at its version, or with the one there is.
    async fn standing(&self, key: &Key, lease: &Lease) -> Result<Standing> {
        let known = self.cache.at(key, &lease.version);
        let record = match known {
            Some(record) => Some(record),
            None => self.read(key).await?,
        };
        Ok(match (record, &lease.holder) {
            (Some(record), Some(holder)) if record.is_held_by(holder) => {
                if record.version() == lease.version {
                    Standing::Mine(record)
                } else {
                    Standing::Changed
                }
            }
            (record, _) => Standing::Lost(record.map(|record| record.lease())),
        })
    }

    /// Creates the object. `None`: there is one already, and nothing was written.
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

    /// Writes `object` over `record`, whose uid and resourceVersion it carries.
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

/// The lease that was won, unless something on the way has written another holder.
fn won(claim: &Claim, record: &Record) -> Result<Acquired> {
    if !record.is_held_by(&claim.holder) {
        return Err(Error::ambiguous(
            ErrorKind::Unsupported,
            format!(
                "the API server has stored another holder in lease \"{}\"; does a webhook change it?",
                record.name()
            ),
        ));
    }
    if record.revision() <= claim.token_floor.get() {
        tracing::warn!(
            lease = record.name(),
            token = record.revision(),
            highest = claim.token_floor.get(),
            "the fencing token did not grow; was etcd restored from a backup?"
        );
    }
    Ok(Acquired::Won(record.lease()))
}
