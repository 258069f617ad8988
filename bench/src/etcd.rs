//! etcd: a transaction that creates a key, one that deletes it, and a running watch.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use dsync_etcd::{EtcdDriver, EtcdOptions};
use etcd_client::{Client, Compare, CompareOp, EventType, PutOptions, Txn, TxnOp, WatchStream};

use crate::backend::{Backend, Raw};

const KEY: &str = "raw";

struct RawEtcd {
    holder: Client,
    waiter: Client,
    watch: WatchStream,
    /// The same store lease for all rounds: granting it is not measured.
    lease: i64,
    held: bool,
}

pub(crate) async fn open() -> Result<Backend> {
    let server =
        tokio::task::spawn_blocking(|| test_servers::etcd(&test_servers::EtcdOptions::default()));
    let server = server.await??;
    let url = server.url().to_owned();
    let hosts = url.trim_start_matches("etcd://").split(',').map(|host| format!("http://{host}"));
    let hosts: Vec<String> = hosts.collect();
    let mut holder = Client::connect(&hosts, None).await?;
    let mut waiter = Client::connect(&hosts, None).await?;
    let lease = holder.lease_grant(3600, None).await?.id();
    let mut watch = waiter.watch(KEY, None).await?;
    watch.message().await?.context("the watch ended")?;
    Ok(Backend {
        about: format!("etcd {} without fsync", server.version()),
        raw: Box::new(RawEtcd { holder, waiter, watch, lease, held: false }),
        connect: Box::new(move || Ok(Arc::new(EtcdDriver::open(EtcdOptions::from_url(&url)?)?))),
        _server: server,
    })
}

async fn acquire(client: &mut Client, lease: i64) -> Result<()> {
    let put = TxnOp::put(KEY, "holder", Some(PutOptions::new().with_lease(lease)));
    let free = Compare::create_revision(KEY, CompareOp::Equal, 0);
    let answer = client.txn(Txn::new().when([free]).and_then([put])).await?;
    anyhow::ensure!(answer.succeeded(), "the raw lock is held");
    Ok(())
}

async fn release(client: &mut Client) -> Result<()> {
    let held = Compare::value(KEY, CompareOp::Equal, "holder");
    let answer = client.txn(Txn::new().when([held]).and_then([TxnOp::delete(KEY, None)])).await?;
    anyhow::ensure!(answer.succeeded(), "the raw lock is not held");
    Ok(())
}

async fn deleted(watch: &mut WatchStream) -> Result<()> {
    loop {
        let message = watch.message().await?.context("the watch has ended")?;
        if message.events().iter().any(|event| event.event_type() == EventType::Delete) {
            return Ok(());
        }
    }
}

#[async_trait]
impl Raw for RawEtcd {
    async fn pair(&mut self) -> Result<()> {
        acquire(&mut self.holder, self.lease).await?;
        release(&mut self.holder).await?;
        deleted(&mut self.watch).await
    }

    async fn prepare(&mut self) -> Result<()> {
        if !self.held {
            acquire(&mut self.holder, self.lease).await?;
            self.held = true;
        }
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<()> {
        let (released, deleted) = tokio::join!(release(&mut self.holder), deleted(&mut self.watch));
        released?;
        deleted?;
        acquire(&mut self.waiter, self.lease).await?;
        std::mem::swap(&mut self.holder, &mut self.waiter);
        Ok(())
    }
}
