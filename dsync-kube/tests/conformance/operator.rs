//! Edits Leases as an operator does, with another client.

use std::time::Duration;

use dsync::driver::Key;
use dsync::{Result, async_trait};
use dsync_conformance::harness::Operator;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::{ServerHarness, internal};

impl ServerHarness {
    async fn patch(&self, key: &Key, change: Value) -> Result<()> {
        let leases = self.leases(key.namespace()).await?;
        let patched =
            leases.patch(key.name(), &PatchParams::default(), &Patch::Merge(change)).await;
        absent_is_fine(patched.map(drop))
    }
}

/// An edit of what is not there changes nothing.
fn absent_is_fine(result: kube::Result<()>) -> Result<()> {
    match result {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map_err(|error| internal(&error)),
    }
}

#[async_trait]
impl Operator for ServerHarness {
    async fn delete(&self, key: &Key) -> Result<()> {
        let leases = self.leases(key.namespace()).await?;
        absent_is_fine(leases.delete(key.name(), &DeleteParams::default()).await.map(drop))
    }

    async fn empty(&self, key: &Key) -> Result<()> {
        self.patch(key, json!({ "spec": { "holderIdentity": "" } })).await
    }

    async fn overwrite(&self, key: &Key, holder: &str, duration: Duration) -> Result<()> {
        let seconds = u32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": seconds.max(1) });
        self.patch(key, json!({ "spec": spec })).await
    }

    async fn touch(&self, key: &Key) -> Result<bool> {
        let leases = self.leases(key.namespace()).await?;
        let before = leases.get_opt(key.name()).await.map_err(|error| internal(&error))?;
        let Some(before) = before else { return Ok(false) };
        // Another value each time, or nothing changes.
        let label = before.metadata.resource_version.unwrap_or_default();
        self.patch(key, json!({ "metadata": { "labels": { "edited-at": label } } })).await?;
        Ok(true)
    }

    async fn left_over(&self, key: &Key) -> Result<Vec<String>> {
        let leases = self.leases(key.namespace()).await?;
        let lease = leases.get_opt(key.name()).await.map_err(|error| internal(&error))?;
        let Some(lease) = lease else { return Ok(Vec::new()) };
        let holder = lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
        let is_kept = key.kind() == dsync::driver::KeyKind::Election && holder.is_empty();
        if is_kept {
            return Ok(Vec::new());
        }
        Ok(vec![format!("the Lease {}, held by {holder:?}", key.name())])
    }
}
