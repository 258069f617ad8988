//! Redis: the scripts of the driver that acquire and release, and the message of a release.

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use dsync_redis::RedisDriver;
use futures_util::StreamExt as _;
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use redis::{Client, Script};
use std::sync::Arc;
use test_servers::RedisOptions;

use crate::backend::{Backend, Raw};

struct RawRedis {
    holder: MultiplexedConnection,
    waiter: MultiplexedConnection,
    _subscription: PubSubSink,
    released: PubSubStream,
    acquire: Script,
    release: Script,
    held: bool,
}

pub(crate) async fn open() -> Result<Backend> {
    let server =
        tokio::task::spawn_blocking(|| test_servers::redis(&RedisOptions::default())).await??;
    let url = server.url().to_owned();
    let client = Client::open(url.as_str())?;
    let (mut subscription, released) = client.get_async_pubsub().await?.split();
    subscription.subscribe("raw").await?;
    let raw = RawRedis {
        holder: client.get_multiplexed_async_connection().await?,
        waiter: client.get_multiplexed_async_connection().await?,
        _subscription: subscription,
        released,
        acquire: Script::new(include_str!("../../dsync-redis/src/lua/acquire.lua")),
        release: Script::new(include_str!("../../dsync-redis/src/lua/release.lua")),
        held: false,
    };
    Ok(Backend {
        about: format!("redis-server {}", server.version()),
        raw: Box::new(raw),
        connect: Box::new(move || Ok(Arc::new(RedisDriver::open(&url)?))),
        _server: server,
    })
}

async fn acquire(script: &Script, connection: &mut MultiplexedConnection) -> Result<()> {
    let mut call = script.key("raw");
    let call = call.key("raw:token").arg("holder").arg(15_000).arg(0).arg(60_000);
    let (done, _, _): (i64, String, i64) = call.invoke_async(connection).await?;
    anyhow::ensure!(done == 1, "the raw lock is held");
    Ok(())
}

async fn release(script: &Script, connection: &mut MultiplexedConnection) -> Result<()> {
    let mut call = script.key("raw");
    let call = call.arg("holder").arg("raw");
    let (done, _, _): (i64, Option<String>, i64) = call.invoke_async(connection).await?;
    anyhow::ensure!(done == 1, "the raw lock is not held");
    Ok(())
}

#[async_trait]
impl Raw for RawRedis {
    async fn pair(&mut self) -> Result<()> {
        acquire(&self.acquire, &mut self.holder).await?;
        release(&self.release, &mut self.holder).await?;
        self.released.next().await.map(drop).context("the subscription ended")
    }

    async fn prepare(&mut self) -> Result<()> {
        if !self.held {
            acquire(&self.acquire, &mut self.holder).await?;
            self.held = true;
        }
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<()> {
        // As in dsync, the response to the release and its message travel at the same time.
        let Self { holder, released, .. } = self;
        let (unlocked, message) = tokio::join!(release(&self.release, holder), released.next());
        unlocked?;
        message.context("the subscription ended")?;
        acquire(&self.acquire, &mut self.waiter).await?;
        // For the next round. Its time is negligible.
        std::mem::swap(&mut self.holder, &mut self.waiter);
        Ok(())
    }
}
