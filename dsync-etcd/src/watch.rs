//! The stream on which the driver learns of changes.
//!
//! A watch begins without a revision, so the server delivers its events at once. A watch that
//! begins at an earlier revision is served by a loop that runs every 100 ms only.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use dsync::driver::{Feed, Key, WatchedKeys};
use dsync::{Error, ErrorKind, Result, async_trait};
use etcd_client::{Error as ClientError, EventType, WatchOptions, WatchResponse, WatchStream};
use tokio::time::timeout;

use crate::record;
use crate::session::{Connection, Session};

#[derive(Debug)]
pub(crate) struct WatchFeed {
    session: Arc<Session>,
}

/// The watched keys, by the id of their watch on the stream.
#[derive(Default)]
struct Ids {
    keys: BTreeMap<i64, Key>,
    last: i64,
}

#[async_trait]
impl Feed for WatchFeed {
    async fn serve(&self, keys: &WatchedKeys) -> Result<Infallible> {
        let connection = self.session.connection().await?;
        let ended = Open { session: &self.session, connection: &connection, keys }.serve().await;
        // A member that has failed the watch gets no further requests either.
        self.session.give_up(&connection);
        ended
    }
}

impl WatchFeed {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

/// The watch on one connection.
struct Open<'a> {
    session: &'a Session,
    connection: &'a Connection,
    keys: &'a WatchedKeys,
}

impl Open<'_> {
    async fn serve(&self) -> Result<Infallible> {
        let (mut stream, mut ids) = (None, Ids::default());
        let mut is_probed = false;
        loop {
            // 1. Watch what is watched now. The first watch opens the stream.
            self.update(&mut stream, &mut ids).await?;
            let Some(open) = &mut stream else {
                self.keys.changed().await;
                continue;
            };
            // 2. Publish what arrives. `biased`, so that a message that is already here is read
            //    before the stream is considered silent.
            tokio::select! {
                biased;
                message = open.message() => {
                    let message =
                        message.map_err(|error| self.session.error_of(self.connection, error))?;
                    self.receive(&message.ok_or_else(|| self.closed())?, &ids)?;
                    is_probed = false;
                }
                () = self.keys.changed() => {}
                // 3. A stream whose peer is gone is silent, too. The first silence asks for a
                //    progress notice; the second means that it did not come. Without a watch the
                //    server sends none.
                () = tokio::time::sleep(self.keys.silence_limit()) => {
                    if is_probed {
                        return Err(self.timed_out());
                    }
                    if !ids.keys.is_empty() {
                        self.limited(open.request_progress()).await?;
                        is_probed = true;
                    }
                }
            }
        }
    }

    /// Creates the watches of added keys and cancels those of removed ones.
    async fn update(&self, stream: &mut Option<WatchStream>, ids: &mut Ids) -> Result<()> {
        let changes = self.keys.take_changes()?;
        for key in changes.added {
            let name = record::name(self.session.prefix(), &key);
            // Each watch gets a new id. A late message of a cancelled watch therefore does not
            // count for a later watch of the same key.
            ids.last += 1;
            ids.keys.insert(ids.last, key);
            let options = Some(WatchOptions::new().with_watch_id(ids.last));
            if let Some(open) = stream {
                self.limited(open.watch(name, options)).await?;
            } else {
                let mut client = self.connection.client.clone();
                *stream = Some(self.limited(client.watch(name, options)).await?);
            }
        }
        let Some(open) = stream else { return Ok(()) };
        for key in changes.removed {
            let id = ids.keys.iter().find(|(_, watched)| **watched == key).map(|(id, _)| *id);
            if let Some(id) = id {
                ids.keys.remove(&id);
                self.limited(open.cancel(id)).await?;
            }
        }
        Ok(())
    }

    fn receive(&self, message: &WatchResponse, ids: &Ids) -> Result<()> {
        let key = ids.keys.get(&message.watch_id());
        // A cancellation counts in two cases: the server refused to create a watch (then it has no
        // id), or it ended one that is still wanted. The id of a watch that was cancelled here is
        // no longer known.
        if message.canceled() && (key.is_some() || message.created()) {
            let reason = message.cancel_reason();
            let text = format!("the server cancelled a watch: {reason}");
            let kind = if reason.contains("permission denied") {
                ErrorKind::Denied
            } else {
                ErrorKind::Unavailable
            };
            return Err(Error::definite(kind, text));
        }
        let Some(key) = key else { return Ok(()) };
        if message.created() {
            // Only now: a confirmed watch makes the core read once. A release that falls between
            // that read and the creation of the watch would go unnoticed until the lease expires.
            self.keys.confirm(key);
        }
        for event in message.events() {
            let record = event.kv().filter(|_| event.event_type() == EventType::Put);
            self.keys.publish(key, record.map(record::lease).as_ref());
        }
        Ok(())
    }

    /// Waits until `request` is sent, but no longer than the stream may be silent.
    async fn limited<T>(&self, request: impl Future<Output = Result<T, ClientError>>) -> Result<T> {
        let answer = timeout(self.keys.silence_limit(), request).await;
        let answer = answer.map_err(|_| self.timed_out())?;
        answer.map_err(|error| self.session.error_of(self.connection, error))
    }

    fn timed_out(&self) -> Error {
        let (endpoint, limit) =
            (self.session.endpoint_of(self.connection), self.keys.silence_limit());
        let message = format!("{endpoint} did not answer on the watch stream within {limit:?}");
        Error::ambiguous(ErrorKind::Unavailable, message)
    }

    fn closed(&self) -> Error {
        let endpoint = self.session.endpoint_of(self.connection);
        let message = format!("{endpoint} closed the watch stream");
        Error::ambiguous(ErrorKind::Unavailable, message)
    }
}
