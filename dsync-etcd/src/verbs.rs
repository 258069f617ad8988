//! The requests of each verb.

use std::sync::Arc;

use dsync::Result;
use dsync::driver::{Acquired, Claim, Key, Lease, Released, Renewed};
use etcd_client::{
    Compare, CompareOp, Error as ClientError, PutOptions, Txn, TxnOp, TxnOpResponse,
};

use crate::leases::Leases;
use crate::record::{self, Acquisition};
use crate::session::Session;

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
        let name = self.name(key);
        let lease = self.leases.take(claim.duration).await?;
        let options = PutOptions::new().with_lease(lease.id);
        let value = record::value(&claim.holder, claim.duration);
        let transaction = Txn::new()
            .when([Compare::create_revision(name.as_str(), CompareOp::Equal, 0)])
            .and_then([TxnOp::put(name.as_str(), value, Some(options))])
            .or_else([TxnOp::get(name, None)]);
        // From here on the store lease may be in use. Unless it is certain that it is not, it is
        // left to run out: a key that nobody knows of may hang on it.
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
        self.leases.put_back(lease);
        let held = answer.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(got) => got.kvs().first().map(record::lease),
            _ => None,
        });
        Ok(Acquired::Held(held))
    }

    /// Keeps the store lease alive, then reads: the server may do the first for a lease whose key
    /// is gone.
    pub(crate) async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        let Some(acquisition) = Acquisition::parse(&lease.version) else {
            return Ok(Renewed::Lost(None));
        };
        let id = acquisition.lease;
        // A stream of its own: answers do not say which request they belong to.
        let asked = self.session.ask(|mut client| async move {
            match client.lease_keep_alive(id).await {
                Ok(_) => Ok(true),
                Err(error) if is_gone(&error) => Ok(false),
                Err(error) => Err(error),
            }
        });
        let is_kept = asked.await?;
        let now = self.read(key).await?;
        Ok(match now {
            Some(now) if is_kept && now.version == lease.version && now.holder == lease.holder => {
                Renewed::Kept(now)
            }
            other => Renewed::Lost(other),
        })
    }

    pub(crate) async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        let (Some(acquisition), Some(holder), Some(duration)) =
            (Acquisition::parse(&lease.version), &lease.holder, lease.duration)
        else {
            return Ok(Released::NotHeld);
        };
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

/// Whether the server has answered that there is no such store lease.
fn is_gone(error: &ClientError) -> bool {
    matches!(error, ClientError::LeaseKeepAliveError(text) if text == "lease not found")
}
