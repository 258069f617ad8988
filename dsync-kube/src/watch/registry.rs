//! The tasks that run, by what they watch.
//!
//! Three things happen at the same time: streams come and go, tasks end by themselves, and the driver is
//! closed. Each task therefore has an id, and each transition first checks, under the lock, that the task
//! is still the current one of its scope.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsync::driver::Key;
use dsync::{Error, ErrorKind};
use tokio::task::JoinHandle;

use crate::cache::Sent;
use crate::record::Record;
use crate::verbs::Store;

/// The shortest idle time; less would be a busy loop.
const SHORTEST_IDLE: Duration = Duration::from_millis(100);

/// What a task watches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    pub(super) namespace: String,
    /// `None`: the whole namespace. A name: one Lease, where RBAC allows only named Leases.
    pub(super) name: Option<String>,
}

#[derive(Debug)]
pub(super) struct Registry {
    store: Arc<Store>,
    /// Lock order: this, then the cache.
    feeds: Mutex<Feeds>,
}

#[derive(Debug)]
pub(super) struct Feeds {
    idle: Duration,
    pub(super) closed: bool,
    last_id: u64,
    pub(super) tasks: HashMap<Scope, Task>,
    /// Namespaces whose Leases may only be watched by name.
    pub(super) narrow: HashSet<String>,
}

#[derive(Debug)]
pub(super) struct Task {
    /// Distinguishes the task from an earlier one of the same scope that is still ending.
    pub(super) id: u64,
    /// `None` between [`Feeds::reserve`] and the moment when the task is spawned.
    pub(super) handle: Option<JoinHandle<()>>,
    /// Whether the first list has been applied. A key that is added later has to be read by itself.
    pub(super) listed: bool,
}

impl Registry {
    pub(super) fn new(store: Arc<Store>, idle: Duration) -> Self {
        let feeds = Feeds {
            idle,
            closed: false,
            last_id: 0,
            tasks: HashMap::new(),
            narrow: HashSet::new(),
        };
        Self { store, feeds: Mutex::new(feeds) }
    }

    pub(super) fn set_idle(&self, idle: Duration) {
        self.lock().idle = idle.max(SHORTEST_IDLE);
    }

    pub(super) fn idle(&self) -> Duration {
        self.lock().idle
    }

    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Removes a stream of `key`, and ends the tasks that are no longer needed.
    pub(super) fn unsubscribe(&self, key: &Key) {
        let mut feeds = self.lock();
        let (keys, this) = self.store.cache.unsubscribe(key);
        let mut ended = Vec::new();
        if !this {
            let name = Some(key.name().to_owned());
            ended
                .extend(feeds.tasks.remove(&Scope { namespace: key.namespace().to_owned(), name }));
        }
        if keys == 0 {
            let namespace = key.namespace().to_owned();
            feeds.narrow.remove(&namespace);
            ended.extend(feeds.tasks.remove(&Scope { namespace, name: None }));
        }
        // Unlock first: aborting a task can drop its future here, and that locks again.
        drop(feeds);
        for task in ended {
            task.abort();
        }
    }

    /// Ends all tasks and streams, and returns the tasks, so that the caller can wait for them.
    pub(super) fn stop(&self) -> Vec<JoinHandle<()>> {
        let mut feeds = self.lock();
        feeds.closed = true;
        let tasks: Vec<_> = feeds.tasks.drain().collect();
        for (scope, _) in &tasks {
            self.store.cache.end(&scope.namespace, scope.name.as_deref(), &closed());
        }
        drop(feeds);
        tasks
            .into_iter()
            .filter_map(|(_, task)| {
                task.abort();
                task.handle
            })
            .collect()
    }

    /// Ends the streams of the task `id`, which cannot go on.
    pub(super) fn finish(&self, scope: &Scope, id: u64, error: &Error) {
        let mut feeds = self.lock();
        if !feeds.ended(scope, id) {
            return;
        }
        self.store.cache.end(&scope.namespace, scope.name.as_deref(), error);
        if !feeds.tasks.keys().any(|other| other.namespace == scope.namespace) {
            feeds.narrow.remove(&scope.namespace);
        }
    }

    /// Applies the list of the task `id`.
    pub(super) fn listed(
        &self,
        scope: &Scope,
        id: u64,
        sent: Sent,
        records: &HashMap<String, Arc<Record>>,
    ) {
        let mut feeds = self.lock();
        if let Some(task) = feeds.tasks.get_mut(scope).filter(|task| task.id == id) {
            task.listed = true;
            self.store.cache.listed(&scope.namespace, scope.name.as_deref(), sent, records);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feeds {
    pub(super) fn reserve(&mut self, scope: Scope) -> u64 {
        self.last_id += 1;
        self.tasks.insert(scope, Task { id: self.last_id, handle: None, listed: false });
        self.last_id
    }

    /// Removes the task `id`. Returns `false` if it is not the current task of its scope.
    pub(super) fn ended(&mut self, scope: &Scope, id: u64) -> bool {
        let current = self.tasks.get(scope).is_some_and(|task| task.id == id);
        if current {
            self.tasks.remove(scope);
        }
        current
    }
}

impl Task {
    fn abort(&self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}

pub(super) fn closed() -> Error {
    Error::definite(ErrorKind::Stopped, "the driver was closed")
}
