//! One shared watch per namespace, however many keys are watched in it.
//!
//! The task of a namespace begins with the first stream and ends with the last. It never retries
//! in a loop: when it cannot go on, all its streams end with the error, and the core starts over
//! after its retry period.

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
    /// `None`: all of the namespace. With a name: for those who may see only named Leases.
    name: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Watches {
    store: Arc<Store>,
    /// Locked before the cache where both are needed.
    feeds: Mutex<Feeds>,
}

#[derive(Debug)]
struct Feeds {
    idle: Duration,
    closed: bool,
    last_id: u64,
    tasks: HashMap<Scope, Task>,
    /// Namespaces that may not be watched as a whole.
    narrow: HashSet<String>,
}

#[derive(Debug)]
struct Task {
    /// Tells it from an earlier task of the same scope, which may still be on its way out.
    id: u64,
    handle: Option<JoinHandle<()>>,
    /// The first list has come, so a key that is added now has to be read by itself.
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

    /// Subscribes to `key`, and starts the watch if it is the first.
    pub(crate) fn subscribe(self: &Arc<Self>, key: &Key) -> Watch {
        if Handle::try_current().is_err() {
            let message = "a watch needs a tokio runtime, and there is none here";
            return stream::failed(Error::definite(ErrorKind::NoRuntime, message));
        }
        let mut feeds = self.lock();
        if feeds.closed {
            return stream::failed(closed());
        }
        let name = feeds.narrow.contains(key.namespace()).then(|| key.name().to_owned());
        let scope = Scope { namespace: key.namespace().to_owned(), name };
        let (slot, covered) = self.store.cache.subscribe(key);
        let running = feeds.tasks.get(&scope).map(|task| task.listed);
        let id = running.is_none().then(|| feeds.reserve(scope.clone()));
        drop(feeds);
        if let Some(id) = id {
            self.start(&scope, id);
        }
        let unseen = running == Some(true) && !covered;
        Subscriber::new(Arc::clone(self), key.clone(), slot, unseen).into_stream()
    }

    /// A stream of `key` was dropped.
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
        // Dropping a task may drop what locks again.
        drop(feeds);
        for task in ended {
            task.abort();
        }
    }

    /// Ends all tasks and streams, and gives the tasks to wait for.
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
            // It was ended in the meantime, by itself or with its last stream.
            _ => {
                drop(feeds);
                handle.abort();
            }
        }
    }

    /// The task `id` may not watch all of its namespace: one task for each key takes over.
    fn narrow(self: &Arc<Self>, scope: &Scope, id: u64) {
        let mut feeds = self.lock();
        if !feeds.ended(scope, id) {
            return;
        }
        tracing::debug!(
            namespace = scope.namespace,
            "may not watch all Leases of the namespace, watching each by its name"
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

    /// The task `id` cannot go on.
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

    /// The task `id` has listed its scope.
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

    /// Forgets the task `id`; `false`: it is not the current one of its scope.
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
