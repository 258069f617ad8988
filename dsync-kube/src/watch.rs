//! One shared watch per namespace, however many keys are watched in it.
//!
//! The task of a namespace starts with the first stream and ends with the last. It never retries in
//! a loop: if it cannot go on, all of its streams end with the error, and the core starts new ones
//! after its retry period.
//!
//! Three things happen at the same time: streams come and go, tasks end by themselves, and the
//! driver is closed. Each task therefore has an id, and each transition first checks, under the
//! lock, that the task is still the current one of its scope.

mod feed;
mod lines;
mod stream;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsync::driver::{Key, Watch};
use dsync::{Error, ErrorKind};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use self::feed::Feed;
use self::stream::Subscriber;
use crate::cache::Sent;
use crate::record::Record;
use crate::verbs::Store;

/// The shortest idle time; less would be a busy loop.
const SHORTEST_IDLE: Duration = Duration::from_millis(100);

/// What a task watches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    namespace: String,
    /// `None`: the whole namespace. A name: one Lease, where RBAC allows only named Leases.
    name: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Watches {
    store: Arc<Store>,
    /// Lock order: this, then the cache.
    feeds: Mutex<Feeds>,
}

#[derive(Debug)]
struct Feeds {
    idle: Duration,
    closed: bool,
    last_id: u64,
    tasks: HashMap<Scope, Task>,
    /// Namespaces whose Leases may only be watched by name.
    narrow: HashSet<String>,
}

#[derive(Debug)]
struct Task {
    /// Distinguishes the task from an earlier one of the same scope that is still ending.
    id: u64,
    /// `None` between [`Feeds::reserve`] and the moment when the task is spawned.
    handle: Option<JoinHandle<()>>,
    /// Whether the first list has been applied. A key that is added later has to be read by itself.
    listed: bool,
}

impl Watches {
    pub(crate) fn new(store: Arc<Store>, idle: Duration) -> Self {
        let feeds = Feeds {
            idle,
            closed: false,
            last_id: 0,
            tasks: HashMap::new(),
            narrow: HashSet::new(),
        };
        Self { store, feeds: Mutex::new(feeds) }
    }

    pub(crate) fn set_idle(&self, idle: Duration) {
        self.lock().idle = idle.max(SHORTEST_IDLE);
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Subscribes to `key`, and starts the task of its scope if there is none.
    pub(crate) fn subscribe(self: &Arc<Self>, key: &Key) -> Watch {
        if Handle::try_current().is_err() {
            let message = "a watch needs a tokio runtime: call this from async code, or enter a \
                           runtime first";
            return stream::failed(Error::definite(ErrorKind::NoRuntime, message));
        }
        let mut feeds = self.lock();
        if feeds.closed {
            return stream::failed(closed());
        }
        // 1. Under one lock, subscribe in the cache and reserve the task: a task that ends at the
        //    same time either sees the new stream and ends it, or has already left its place to the
        //    new task.
        let name = feeds.narrow.contains(key.namespace()).then(|| key.name().to_owned());
        let scope = Scope { namespace: key.namespace().to_owned(), name };
        let (slot, covered) = self.store.cache.subscribe(key);
        let running = feeds.tasks.get(&scope).map(|task| task.listed);
        let id = running.is_none().then(|| feeds.reserve(scope.clone()));
        drop(feeds);
        // 2. Spawn the task. Its list will show this key.
        if let Some(id) = id {
            self.start(&scope, id);
        }
        // 3. If the list of a running task came before this key, the stream reads the key itself.
        let unseen = running == Some(true) && !covered;
        Subscriber::new(Arc::clone(self), key.clone(), slot, unseen).into_stream()
    }

    /// Removes a stream of `key`, and ends the tasks that are no longer needed.
    fn unsubscribe(&self, key: &Key) {
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
    pub(crate) fn stop(&self) -> Vec<JoinHandle<()>> {
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

    /// Starts the task that was reserved as `id`.
    #[expect(clippy::disallowed_methods, reason = "the one module of the driver that owns tasks")]
    fn start(self: &Arc<Self>, scope: &Scope, id: u64) {
        let feed = Feed::new(Arc::clone(self), scope.clone(), id);
        let handle = tokio::spawn(feed.run());
        let mut feeds = self.lock();
        match feeds.tasks.get_mut(scope) {
            Some(task) if task.id == id => task.handle = Some(handle),
            // Race: between `reserve` and here the task may have ended by itself, or its last stream
            // may have been dropped. There was no handle to abort then.
            _ => {
                drop(feeds);
                handle.abort();
            }
        }
    }

    /// Replaces the task `id`, which is not allowed to watch its whole namespace, by one task per
    /// key.
    fn narrow(self: &Arc<Self>, scope: &Scope, id: u64) {
        let mut feeds = self.lock();
        if !feeds.ended(scope, id) {
            return;
        }
        tracing::debug!(
            namespace = scope.namespace,
            "not allowed to watch all Leases of the namespace, watching each by name"
        );
        feeds.narrow.insert(scope.namespace.clone());
        let names = self.store.cache.subscribed(&scope.namespace);
        let scopes = names.into_iter().map(|name| Scope { name: Some(name), ..scope.clone() });
        let reserved: Vec<_> = scopes.map(|it| (feeds.reserve(it.clone()), it)).collect();
        drop(feeds);
        for (id, scope) in reserved {
            self.start(&scope, id);
        }
    }

    /// Ends the streams of the task `id`, which cannot go on.
    fn finish(&self, scope: &Scope, id: u64, error: &Error) {
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
    fn listed(&self, scope: &Scope, id: u64, sent: Sent, records: &HashMap<String, Arc<Record>>) {
        let mut feeds = self.lock();
        if let Some(task) = feeds.tasks.get_mut(scope).filter(|task| task.id == id) {
            task.listed = true;
            self.store.cache.listed(&scope.namespace, scope.name.as_deref(), sent, records);
        }
    }

    fn idle(&self) -> Duration {
        self.lock().idle
    }

    fn lock(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feeds {
    fn reserve(&mut self, scope: Scope) -> u64 {
        self.last_id += 1;
        self.tasks.insert(scope, Task { id: self.last_id, handle: None, listed: false });
        self.last_id
    }

    /// Removes the task `id`. Returns `false` if it is not the current task of its scope.
    fn ended(&mut self, scope: &Scope, id: u64) -> bool {
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

fn closed() -> Error {
    Error::definite(ErrorKind::Stopped, "the driver was closed")
}
