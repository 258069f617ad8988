use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dsync::{Error, ErrorKind, Result};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::lines::Lines;
use super::registry::{Registry, Scope};
use crate::answer::{Failure, Refusal};
use crate::clock;
use crate::record::Record;
use crate::requests::Call;

const LIST_TIMEOUT: Duration = Duration::from_secs(10);
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that ends sooner than this without an event is not replaced at once.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);

/// The task that lists and watches one scope.
pub(super) struct Feed {
    registry: Arc<Registry>,
    scope: Scope,
    id: u64,
    ended: bool,
}

/// How a feed ends.
pub(super) enum End {
    /// Its namespace may not be watched as a whole. Each Lease has to be watched by name.
    Narrow,
    Failed(Error),
}

/// Why a connection of the watch, or a list, cannot go on.
enum Stop {
    /// 410 Gone: the server no longer has the events since the last revision. List again.
    Relist,
    /// 403 for the whole namespace. Watch each Lease by name.
    Narrow,
    Failed(Error),
}

impl Feed {
    pub(super) fn new(registry: Arc<Registry>, scope: Scope, id: u64) -> Self {
        Self { registry, scope, id, ended: false }
    }

    /// Lists and watches until that cannot go on.
    pub(super) async fn run(mut self) -> End {
        let stop = self.follow().await;
        self.ended = true;
        match stop {
            Stop::Narrow => End::Narrow,
            Stop::Failed(error) => End::Failed(error),
            Stop::Relist => {
                let message = "the API server discards events faster than they can be watched";
                End::Failed(Error::definite(ErrorKind::Unavailable, message))
            }
        }
    }

    /// Lists, then watches from the revision of the list.
    ///
    /// After a 410 it lists again, but only if the watch has delivered an event since the last
    /// list. Otherwise the server would be listed in a loop.
    async fn follow(&self) -> Stop {
        loop {
            let revision = match self.list().await {
                Ok(revision) => revision,
                Err(stop) => return stop,
            };
            let mut has_events = false;
            match self.watch(revision, &mut has_events).await {
                Stop::Relist if has_events => {}
                stop => return stop,
            }
        }
    }

    /// Reads the current state of the scope, and returns the revision to watch from.
    async fn list(&self) -> Result<String, Stop> {
        let Scope { namespace, name } = &self.scope;
        let call = Call::list(namespace, name.as_deref()).map_err(Stop::Failed)?;
        let store = self.registry.store();
        let sent = store.cache.sending();
        let answer = timeout(LIST_TIMEOUT, store.session.ask(&call)).await;
        let mut list = match answer {
            Ok(Ok(list)) => list,
            Ok(Err(failure)) => return Err(self.stop(&call, failure)),
            Err(_) => return Err(late(&call, LIST_TIMEOUT)),
        };
        let Value::Array(items) = list["items"].take() else {
            let message = "the API server returned something other than a list of Leases";
            return Err(Stop::Failed(Error::definite(ErrorKind::Unsupported, message)));
        };
        let mut records = HashMap::new();
        for item in items {
            let record = Record::parse(item).map_err(|bad| Stop::Failed(bad.read()))?;
            records.insert(record.name().to_owned(), Arc::new(record));
        }
        self.registry.listed(&self.scope, self.id, sent, &records);
        Ok(list["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned())
    }

    /// Watches from `revision`, over as many connections as needed.
    ///
    /// Each connection continues at the last revision that was received, so nothing is lost or
    /// delivered twice between two of them.
    async fn watch(&self, mut revision: String, has_events: &mut bool) -> Stop {
        let Scope { namespace, name } = &self.scope;
        let store = self.registry.store();
        let mut first = true;
        let mut beat = clock::now();
        loop {
            // 1. Open a connection.
            let call = match Call::watch(namespace, name.as_deref(), &revision) {
                Ok(call) => call,
                Err(error) => return Stop::Failed(error),
            };
            let body = match timeout(OPEN_TIMEOUT, store.session.stream(&call)).await {
                Ok(Ok(body)) => body,
                Ok(Err(failure)) => return self.stop(&call, failure),
                Err(_) => return late(&call, OPEN_TIMEOUT),
            };
            // The first connection proves nothing that the list has not shown. A later one proves
            // that no event was missed while the old one was silent.
            if !first {
                self.beat(&mut beat);
            }
            first = false;
            let opened = clock::now();
            let mut silent = true;
            let mut lines = Lines::new(body);
            // 2. Read its events until it ends or is silent for too long. The kernel does not notice
            //    that the peer of an idle connection is gone; opening another connection shows it,
            //    and loses nothing.
            let idle = self.registry.idle();
            while let Ok(line) = timeout(idle, lines.next()).await {
                let line = match line {
                    Some(Ok(line)) => line,
                    // Ordinary: the server ends each watch after some minutes, connections break.
                    Some(Err(_)) | None if !silent || opened.elapsed() >= SHORTEST_WATCH => break,
                    Some(Err(error)) => return self.stop(&call, Failure::Transport(error)),
                    None => {
                        // Opening another one at once would be a busy loop.
                        let message = "the API server ends each watch immediately";
                        return Stop::Failed(Error::definite(ErrorKind::Unavailable, message));
                    }
                };
                silent = false;
                let bookmark = match self.event(&call, &line, &mut revision) {
                    Ok(bookmark) => bookmark,
                    Err(stop) => return stop,
                };
                *has_events = true;
                // In a busy namespace, the events of other keys prove that the watch works.
                if bookmark || beat.elapsed() >= idle / 2 {
                    self.beat(&mut beat);
                }
            }
        }
    }

    /// Applies one event. Returns whether it is a bookmark.
    fn event(&self, call: &Call, line: &[u8], revision: &mut String) -> Result<bool, Stop> {
        let mut event: Value = match serde_json::from_slice(line) {
            Ok(event) => event,
            Err(error) => return Err(self.stop(call, Failure::Garbage(error))),
        };
        let object = event["object"].take();
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "ERROR" {
            return Err(self.stop(call, Failure::Refused(Refusal::from_status(&object))));
        }
        if let Some(at) = object["metadata"]["resourceVersion"].as_str() {
            at.clone_into(revision);
        }
        if kind == "BOOKMARK" {
            return Ok(true);
        }
        let record = Record::parse(object).map_err(|bad| Stop::Failed(bad.read()))?;
        let cache = &self.registry.store().cache;
        cache.event(&self.scope.namespace, &Arc::new(record), kind == "DELETED");
        Ok(false)
    }

    /// Reports to all streams of the scope that the watch works.
    fn beat(&self, last: &mut Instant) {
        *last = clock::now();
        let Scope { namespace, name } = &self.scope;
        self.registry.store().cache.beat(namespace, name.as_deref());
    }

    fn stop(&self, call: &Call, failure: Failure) -> Stop {
        match failure.refusal() {
            Some(refusal) if refusal.is_gone() => Stop::Relist,
            Some(refusal) if refusal.code == 403 && self.scope.name.is_none() => Stop::Narrow,
            _ => Stop::Failed(self.registry.store().session.error(call, failure)),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if !self.ended {
            // The task was aborted or panicked. An aborted task is no longer the current one, so
            // this has no effect on the streams.
            let error = Error::definite(ErrorKind::Internal, "the task of the watch panicked");
            self.registry.finish(&self.scope, self.id, &error);
        }
    }
}

/// The server did not answer in time.
fn late(call: &Call, limit: Duration) -> Stop {
    let message = format!("no answer within {limit:?} to {} of leases", call.verb);
    Stop::Failed(Error::definite(ErrorKind::Timeout, message))
}
