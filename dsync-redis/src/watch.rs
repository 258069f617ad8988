//! One pub/sub connection for all watches of a driver.
//!
//! Its task begins with the first watch. It never retries: when it cannot go on, all watches end
//! with the error, and the core starts over after its retry period.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsync::driver::{Key, Listeners, Watch};
use dsync::{Error, ErrorKind, Result};
use futures_util::StreamExt as _;
use redis::aio::PubSubSink;
use redis::{RedisError, Value};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::classify::Stage;
use crate::names::Names;
use crate::record::in_millis;
use crate::servers::Servers;

/// How long a server may take to answer on this connection, where no lease is shorter.
const LONGEST: Duration = Duration::from_secs(5);
/// The shortest; less would be a busy loop.
const SHORTEST: Duration = Duration::from_millis(50);

pub(crate) struct Watches {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What the task has of the driver.
struct Shared {
    servers: Arc<Servers>,
    listeners: Arc<Listeners>,
    /// In milliseconds: how long the connection may be silent before it is asked, and how long it
    /// may take to answer.
    patience: AtomicU64,
}

impl Watches {
    pub(crate) fn new(servers: Arc<Servers>) -> Self {
        let listeners = Arc::new(Listeners::new());
        let patience = AtomicU64::new(in_millis(LONGEST));
        Self { shared: Arc::new(Shared { servers, listeners, patience }), task: Mutex::default() }
    }

    /// Notes a lease of this duration: a connection that is dead has to be noticed within it.
    pub(crate) fn heard_of(&self, lease: Duration) {
        let patience = in_millis((lease / 2).clamp(SHORTEST, LONGEST));
        self.shared.patience.fetch_min(patience, Ordering::Relaxed);
    }

    /// Listens for releases of `key`.
    pub(crate) fn subscribe(&self, key: &Key) -> Watch {
        if Handle::try_current().is_err() {
            let message = "a watch needs a tokio runtime, and there is none here";
            let error = Error::definite(ErrorKind::NoRuntime, message);
            return Box::pin(futures_util::stream::once(async { Err(error) }));
        }
        self.shared.listeners.listen(key, || self.start())
    }

    /// Ends the task and all watches, and gives the task to wait for.
    pub(crate) fn stop(&self) -> Option<JoinHandle<()>> {
        self.shared.listeners.close();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        task.inspect(JoinHandle::abort)
    }

    #[expect(clippy::disallowed_methods, reason = "the one module of the driver that owns tasks")]
    fn start(&self) {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let Err(error) = shared.run().await;
            tracing::debug!(target: "dsync", %error, "the watch ends");
            shared.listeners.fail(&error);
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

impl Shared {
    /// Keeps the subscriptions as the listeners want them, and tells them what comes.
    async fn run(&self) -> Result<Infallible> {
        let limit = self.patience();
        let connecting = async {
            let client = self.servers.client().await?;
            let connected = client.get_async_pubsub().await;
            connected.map_err(|error| self.servers.error(Stage::Connecting, &error))
        };
        let connected = timeout(limit, connecting).await.map_err(|_| self.silent(limit))??;
        let (mut sink, mut messages) = connected.split();
        let mut keys = BTreeMap::new();
        loop {
            self.follow(&mut sink, &mut keys).await?;
            tokio::select! {
                biased;
                message = messages.next() => {
                    let message = message.ok_or_else(|| self.broken())?;
                    if let Some(key) = keys.get(message.get_channel_name()) {
                        self.listeners.tell(key, None);
                    }
                }
                () = self.listeners.changed() => {}
                () = tokio::time::sleep(self.patience()) => {
                    self.limited(sink.ping::<Value>()).await?;
                }
            }
        }
    }

    /// Subscribes to what is listened for, and to nothing else.
    async fn follow(&self, sink: &mut PubSubSink, keys: &mut BTreeMap<String, Key>) -> Result<()> {
        let (added, gone) = self.listeners.to_do()?;
        let channels = |keys: &[Key]| -> Vec<String> {
            keys.iter().map(|key| Names::of(key).record).collect()
        };
        if !added.is_empty() {
            let names = channels(&added);
            keys.extend(names.iter().cloned().zip(added.iter().cloned()));
            self.limited(sink.subscribe(&names)).await?;
            for key in &added {
                self.listeners.confirm(key);
            }
        }
        if !gone.is_empty() {
            let names = channels(&gone);
            keys.retain(|name, _| !names.contains(name));
            self.limited(sink.unsubscribe(&names)).await?;
        }
        Ok(())
    }

    async fn limited<T>(&self, request: impl Future<Output = Result<T, RedisError>>) -> Result<T> {
        let limit = self.patience();
        let answer = timeout(limit, request).await.map_err(|_| self.silent(limit))?;
        answer.map_err(|error| self.servers.error(Stage::Sent, &error))
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
    }

    fn silent(&self, limit: Duration) -> Error {
        let server = &self.servers;
        let message =
            format!("{server} has not answered the connection of the watch for {limit:?}");
        Error::ambiguous(ErrorKind::Unavailable, message)
    }

    fn broken(&self) -> Error {
        let message = format!("{} has closed the connection of the watch", &self.servers);
        Error::ambiguous(ErrorKind::Unavailable, message)
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watches").field(&self.shared.listeners).finish()
    }
}
