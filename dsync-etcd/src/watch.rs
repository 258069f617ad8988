//! One stream for all watches of a driver.
//!
//! Its task begins with the first watch. It never retries: when it cannot go on, all watches end
//! with the error, and the core starts over after its retry period. A watch begins without a
//! revision, so the server tells its events at once; one from an earlier revision it would serve
//! every 100 ms.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsync::driver::{Key, Listeners, Watch};
use dsync::{Error, ErrorKind, Result};
use etcd_client::{Error as ClientError, EventType, WatchOptions, WatchResponse, WatchStream};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::record;
use crate::session::{Connection, Session};

/// How long a server may take to answer on the stream, where no lease is shorter.
const LONGEST: Duration = Duration::from_secs(5);
/// The shortest; less would be a busy loop.
const SHORTEST: Duration = Duration::from_millis(50);

pub(crate) struct Watches {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What the task has of the driver.
struct Shared {
    session: Arc<Session>,
    listeners: Arc<Listeners>,
    /// In milliseconds: how long the stream may be silent before it is asked, and how long it may
    /// take to answer.
    patience: AtomicU64,
}

impl Watches {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        let listeners = Arc::new(Listeners::new());
        let patience = AtomicU64::new(millis(LONGEST));
        Self { shared: Arc::new(Shared { session, listeners, patience }), task: Mutex::default() }
    }

    /// Notes a lease of this duration: a stream that is dead has to be noticed within it.
    pub(crate) fn heard_of(&self, lease: Duration) {
        let patience = millis((lease / 2).clamp(SHORTEST, LONGEST));
        self.shared.patience.fetch_min(patience, Ordering::Relaxed);
    }

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

    #[expect(clippy::disallowed_methods, reason = "this module owns the task of the watch")]
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is watched on a stream, by the id of the watch.
#[derive(Default)]
struct Ids {
    keys: BTreeMap<i64, Key>,
    last: i64,
}

impl Shared {
    async fn run(&self) -> Result<Infallible> {
        let connection = self.session.connection().await?;
        let ended = self.listen(&connection).await;
        // Nothing more is asked of a member that has failed the watch.
        self.session.give_up(&connection);
        ended
    }

    /// Watches what is listened to, and tells the listeners what comes.
    async fn listen(&self, connection: &Connection) -> Result<Infallible> {
        let (mut stream, mut ids) = (None, Ids::default());
        let mut is_asked = false;
        loop {
            self.follow(connection, &mut stream, &mut ids).await?;
            let Some(open) = &mut stream else {
                self.listeners.changed().await;
                continue;
            };
            tokio::select! {
                biased;
                message = open.message() => {
                    let message = message.map_err(|error| self.session.error_of(connection, error))?;
                    self.hear(&message.ok_or_else(|| self.broken(connection))?, &mut ids)?;
                    is_asked = false;
                }
                () = self.listeners.changed() => {}
                () = tokio::time::sleep(self.patience()) => {
                    if is_asked {
                        return Err(self.silent(connection));
                    }
                    if !ids.keys.is_empty() {
                        self.limited(connection, open.request_progress()).await?;
                        is_asked = true;
                    }
                }
            }
        }
    }

    /// Begins to watch what is listened to, and ends what is not.
    async fn follow(
        &self,
        connection: &Connection,
        stream: &mut Option<WatchStream>,
        ids: &mut Ids,
    ) -> Result<()> {
        let (added, gone) = self.listeners.to_do()?;
        for key in added {
            let name = record::name(self.session.prefix(), &key);
            ids.last += 1;
            ids.keys.insert(ids.last, key);
            let options = Some(WatchOptions::new().with_watch_id(ids.last));
            if let Some(open) = stream {
                self.limited(connection, open.watch(name, options)).await?;
            } else {
                let mut client = connection.client.clone();
                *stream = Some(self.limited(connection, client.watch(name, options)).await?);
            }
        }
        let Some(open) = stream else { return Ok(()) };
        for key in gone {
            let id = ids.keys.iter().find(|(_, watched)| **watched == key).map(|(id, _)| *id);
            if let Some(id) = id {
                ids.keys.remove(&id);
                self.limited(connection, open.cancel(id)).await?;
            }
        }
        Ok(())
    }

    fn hear(&self, message: &WatchResponse, ids: &mut Ids) -> Result<()> {
        let key = ids.keys.get(&message.watch_id());
        // One that may not begin has no id. One that was ended here is not known any more.
        if message.canceled() && (key.is_some() || message.created()) {
            let reason = message.cancel_reason();
            let text = format!("the server has ended a watch: {reason}");
            let kind = if reason.contains("permission denied") {
                ErrorKind::Denied
            } else {
                ErrorKind::Unavailable
            };
            return Err(Error::definite(kind, text));
        }
        let Some(key) = key else { return Ok(()) };
        if message.created() {
            self.listeners.confirm(key);
        }
        for event in message.events() {
            let record = event.kv().filter(|_| event.event_type() == EventType::Put);
            self.listeners.tell(key, record.map(record::lease).as_ref());
        }
        Ok(())
    }

    async fn limited<T>(
        &self,
        connection: &Connection,
        request: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T> {
        let answer = timeout(self.patience(), request).await;
        let answer = answer.map_err(|_| self.silent(connection))?;
        answer.map_err(|error| self.session.error_of(connection, error))
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.patience.load(Ordering::Relaxed))
    }

    fn silent(&self, connection: &Connection) -> Error {
        let (endpoint, patience) = (self.session.endpoint_of(connection), self.patience());
        let message = format!("{endpoint} has not answered on the watch for {patience:?}");
        Error::ambiguous(ErrorKind::Unavailable, message)
    }

    fn broken(&self, connection: &Connection) -> Error {
        let message = format!("{} has closed the watch", self.session.endpoint_of(connection));
        Error::ambiguous(ErrorKind::Unavailable, message)
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watches").field(&self.shared.listeners).finish()
    }
}
