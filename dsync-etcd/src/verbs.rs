//! The verbs of the contract as requests.

use std::sync::Arc;

use dsync::Result;
use dsync::driver::{Acquired, Claim, Key, Lease, Released, Renewed};
use etcd_client::{
    Compare, CompareOp, Error as ClientError, PutOptions, Txn, TxnOp, TxnOpResponse,
};

use crate::leases::Leases;
use crate::record::{self, Acquisition};
use crate::session::Session;

/// The keys of the cluster.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) session: Arc<Session>,
    pub(crate) leases: Leases,
}

impl Store {
    fn name(&self, key: &Key) -> String {
        record::name(self.session.prefix(), key)
    }

    pub(crate) async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        let name = self.name(key);
        let asked = self.session.ask(|mut client| async move { client.get(name, None).await });
        Ok(asked.await?.kvs().first().map(record::lease))
    }

    pub(crate) async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        // 1. A store lease for this acquisition alone.
        let name = self.name(key);
        let lease = self.leases.take(claim.duration).await?;
        let options = PutOptions::new().with_lease(lease.id);
        let value = record::value(&claim.holder, claim.duration);
        // 2. One transaction: create the key if it does not exist, else read it.
        let transaction = Txn::new()
            .when([Compare::create_revision(name.as_str(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(name.as_str(), value, Some(options))])
            .or_else([TxnOp::get(name, None)]);
        // 3. From here on a key may be attached to the store lease. If the outcome is unknown, or
        //    if this future is dropped, the store lease is left to run out: revoking it could delete
        //    a key that a later read finds acquired, and reusing it could extend such a key.
        let asked = self.session.ask(|mut client| async move { client.txn(transaction).await });
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(error) => {
                if !error.is_ambiguous() {
                    self.leases.put_back(lease);
                }
                return Err(error);
            }
        };
        if answer.succeeded() {
            self.leases.used(lease);
            let revision = answer.header().map_or(0, etcd_client::ResponseHeader::revision);
            return Ok(Acquired::Won(Acquisition { revision, lease: lease.id }.won(claim)));
        }
        // 4. The server refused: no key is attached.
        self.leases.put_back(lease);
        let held = answer.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(got) => got.kvs().first().map(record::lease),
            _ => None,
        });
        Ok(Acquired::Held(held))
    }

    /// Extends the store lease, then proves that the key is still attached to it.
    ///
    /// A keep-alive alone proves nothing about the key: the server extends a store lease whose key was
    /// deleted as well. The order matters, too. A read before the keep-alive could find a key that is
    /// gone when the keep-alive is applied.
    pub(crate) async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let Some(acquisition) = Acquisition::parse(&lease.version) else {
            return Ok(Renewed::Lost(None));
        };
        let id = acquisition.lease;
        // 1. Keep alive, on a stream of its own: an answer does not name its request. On a shared
        //    stream, the late answer to an earlier request could pass for that of this one.
        let asked = self.session.ask(|mut client| async move {
            match client.lease_keep_alive(id).await {
                Ok(_) => Ok(true),
                Err(error) if is_gone(&error) => Ok(false),
                Err(error) => Err(error),
            }
        });
        let is_kept = asked.await?;
        // 2. Read: same acquisition (revision and store lease) and same holder.
        let now = self.read(key).await?;
        Ok(match now {
            Some(now) if is_kept && now.version == lease.version && now.holder == lease.holder => {
                Renewed::Kept(now)
            }
            other => Renewed::Lost(other),
        })
    }

    /// Deletes the key if it is still that of `lease`.
    pub(crate) async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        let (Some(acquisition), Some(holder), Some(duration)) =
            (Acquisition::parse(&lease.version), &lease.holder, lease.duration)
        else {
            return Ok(Released::NotHeld);
        };
        // The create revision identifies the acquisition, the value its holder: an operator can have
        // overwritten the key without creating it anew.
        let (name, value) = (self.name(key), record::value(holder, duration));
        let transaction = Txn::new()
            .when([
                Compare::create_revision(name.as_str(), CompareOp::Equal, acquisition.revision),
                Compare::value(name.as_str(), CompareOp::Equal, value),
            ])
            .and_then([TxnOp::delete(name, None)]);
        let asked = self.session.ask(|mut client| async move { client.txn(transaction).await });
        if !asked.await?.succeeded() {
            return Ok(Released::NotHeld);
        }
        self.leases.unused(acquisition.lease);
        Ok(Released::Freed)
    }
}

/// Returns whether the server answered that the store lease does not exist.
fn is_gone(error: &ClientError) -> bool {
    matches!(error, ClientError::LeaseKeepAliveError(text) if text == "lease not found")
}
