//! Edits records as an operator does, with another client.

use std::time::Duration;

use dsync::driver::{Key, KeyKind};
use dsync::{Result, async_trait};
use dsync_conformance::harness::Operator;
use etcd_client::{Client, PutOptions};

use crate::harness::internal;

/// Returns the name of a record, as the README of the crate documents it.
fn record(key: &Key) -> String {
    let kind = match key.kind() {
        KeyKind::Election => "election",
        KeyKind::Lock => "lock",
    };
    format!("dsync/{kind}/{}/{}", key.namespace(), key.name())
}

#[derive(Debug)]
pub(crate) struct Etcd(pub(crate) Vec<String>);

impl Etcd {
    async fn client(&self) -> Result<Client> {
        Client::connect(&self.0, None).await.map_err(|error| internal(&error))
    }
}

#[async_trait]
impl Operator for Etcd {
    async fn delete(&self, key: &Key) -> Result<()> {
        let mut client = self.client().await?;
        client.delete(record(key), None).await.map(drop).map_err(|error| internal(&error))
    }

    async fn empty(&self, key: &Key) -> Result<()> {
        self.delete(key).await
    }

    async fn overwrite(&self, key: &Key, holder: &str, duration: Duration) -> Result<()> {
        let mut client = self.client().await?;
        let is_there = client.get(record(key), None).await.map_err(|error| internal(&error))?;
        if is_there.kvs().is_empty() {
            return Ok(());
        }
        let seconds = i64::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
        let lease = client.lease_grant(seconds, None).await.map_err(|error| internal(&error))?;
        let options = Some(PutOptions::new().with_lease(lease.id()));
        let put = client.put(record(key), holder, options).await;
        put.map(drop).map_err(|error| internal(&error))
    }

    async fn touch(&self, _: &Key) -> Result<bool> {
        Ok(false)
    }

    async fn left_over(&self, key: &Key) -> Result<Vec<String>> {
        let mut client = self.client().await?;
        let found = client.get(record(key), None).await.map_err(|error| internal(&error))?;
        let shown = |kv: &etcd_client::KeyValue| {
            let (name, value) =
                (String::from_utf8_lossy(kv.key()), String::from_utf8_lossy(kv.value()));
            format!("{name} = {value}, on store lease {:x}", kv.lease())
        };
        Ok(found.kvs().iter().map(shown).collect())
    }
}
