//! The pub/sub connection on which the driver learns of releases.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Feed, Key, WatchedKeys};
use dsync::{Error, ErrorKind, Result, async_trait};
use futures_util::StreamExt as _;
use redis::aio::PubSubSink;
use redis::{RedisError, Value};
use tokio::time::timeout;

use crate::classify::Stage;
use crate::names::Names;
use crate::servers::Servers;

#[derive(Debug)]
pub(crate) struct PubSubFeed {
    servers: Arc<Servers>,
}

/// The watched keys, by the name of their channel.
type Channels = BTreeMap<String, Key>;

#[async_trait]
impl Feed for PubSubFeed {
    async fn serve(&self, keys: &WatchedKeys) -> Result<Infallible> {
        // 1. Connect. A cluster delivers a message to the subscribers of every node, so any node
        //    will do.
        let limit = keys.silence_limit();
        let connecting = async {
            let client = self.servers.client().await?;
            let connected = client.get_async_pubsub().await;
            connected.map_err(|error| self.servers.error(Stage::Connecting, &error))
        };
        let connected = timeout(limit, connecting).await.map_err(|_| self.timed_out(limit))??;
        let (mut sink, mut messages) = connected.split();
        let mut channels = Channels::new();
        loop {
            // 2. Subscribe to what is watched now.
            self.subscribe(keys, &mut sink, &mut channels).await?;
            // 3. Publish what arrives. `biased`, so that a message that is already here is read
            //    before the connection is considered silent.
            tokio::select! {
                biased;
                message = messages.next() => {
                    let message = message.ok_or_else(|| self.closed())?;
                    if let Some(key) = channels.get(message.get_channel_name()) {
                        // The only message is that of a release.
                        keys.publish(key, None);
                    }
                }
                () = keys.changed() => {}
                // 4. A connection whose peer is gone is silent, too: only an answer proves that
                //    it works.
                () = tokio::time::sleep(keys.silence_limit()) => {
                    self.limited(keys, sink.ping::<Value>()).await?;
                }
            }
        }
    }
}

impl PubSubFeed {
    pub(crate) fn new(servers: Arc<Servers>) -> Self {
        Self { servers }
    }

    /// Subscribes to the channels of added keys and unsubscribes from those of removed ones.
    async fn subscribe(
        &self,
        keys: &WatchedKeys,
        sink: &mut PubSubSink,
        channels: &mut Channels,
    ) -> Result<()> {
        let changes = keys.take_changes()?;
        let names = |keys: &[Key]| -> Vec<String> {
            keys.iter().map(|key| Names::of(key).record).collect()
        };
        if !changes.added.is_empty() {
            let added = names(&changes.added);
            // Before the request, because a message can arrive together with the confirmation.
            channels.extend(added.iter().cloned().zip(changes.added.iter().cloned()));
            self.limited(keys, sink.subscribe(&added)).await?;
            // After it: a watch that is confirmed makes the core read once. A release that falls
            // between that read and the subscription would go unnoticed until the lease expires.
            for key in &changes.added {
                keys.confirm(key);
            }
        }
        if !changes.removed.is_empty() {
            let removed = names(&changes.removed);
            channels.retain(|name, _| !removed.contains(name));
            self.limited(keys, sink.unsubscribe(&removed)).await?;
        }
        Ok(())
    }

    /// Waits for the answer to `request`, but no longer than the connection may be silent.
    async fn limited<T>(
        &self,
        keys: &WatchedKeys,
        request: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T> {
        let limit = keys.silence_limit();
        let answer = timeout(limit, request).await.map_err(|_| self.timed_out(limit))?;
        answer.map_err(|error| self.servers.error(Stage::Sent, &error))
    }

    fn timed_out(&self, limit: Duration) -> Error {
        let server = &self.servers;
        let message = format!("{server} did not answer on the watch connection within {limit:?}");
        Error::ambiguous(ErrorKind::Unavailable, message)
    }

    fn closed(&self) -> Error {
        let message = format!("{} closed the watch connection", &self.servers);
        Error::ambiguous(ErrorKind::Unavailable, message)
    }
}
