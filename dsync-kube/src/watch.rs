//! One shared watch per namespace, however many keys are watched in it.
//!
//! The task of a namespace starts with the first stream and ends with the last. It never retries in
//! a loop: if it cannot go on, all of its streams end with the error, and the core starts new ones
//! after its retry period.

mod lines;
mod list_and_watch;
mod registry;
mod subscriber;

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Key, Watch};
use dsync::{Error, ErrorKind};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use self::list_and_watch::{End, Feed};
use self::registry::{Registry, Scope, closed};
use self::subscriber::Subscriber;
use crate::verbs::Store;

#[derive(Debug)]
pub(crate) struct Watches(Arc<Registry>);

impl Watches {
    pub(crate) fn new(store: Arc<Store>, idle: Duration) -> Self {
        Self(Arc::new(Registry::new(store, idle)))
    }

    pub(crate) fn set_idle(&self, idle: Duration) {
        self.0.set_idle(idle);
    }

    pub(crate) fn store(&self) -> &Store {
        self.0.store()
    }

    /// Ends all tasks and streams, and returns the tasks, so that the caller can wait for them.
    pub(crate) fn stop(&self) -> Vec<JoinHandle<()>> {
        self.0.stop()
    }

    /// Subscribes to `key`, and starts the task of its scope if there is none.
    pub(crate) fn subscribe(&self, key: &Key) -> Watch {
        if Handle::try_current().is_err() {
            let message = "a watch needs a tokio runtime: call this from async code, or enter a \
                           runtime first";
            return subscriber::failed(Error::definite(ErrorKind::NoRuntime, message));
        }
        let mut feeds = self.0.lock();
        if feeds.closed {
            return subscriber::failed(closed());
        }
        // 1. Under one lock, subscribe in the cache and reserve the task: a task that ends at the
        //    same time either sees the new stream and ends it, or has already left its place to the
        //    new task.
        let name = feeds.narrow.contains(key.namespace()).then(|| key.name().to_owned());
        let scope = Scope { namespace: key.namespace().to_owned(), name };
        let (slot, covered) = self.0.store().cache.subscribe(key);
        let running = feeds.tasks.get(&scope).map(|task| task.listed);
        let id = running.is_none().then(|| feeds.reserve(scope.clone()));
        drop(feeds);
        // 2. Spawn the task. Its list will show this key.
        if let Some(id) = id {
            start(&self.0, &scope, id);
        }
        // 3. If the list of a running task came before this key, the stream reads the key itself.
        let unseen = running == Some(true) && !covered;
        Subscriber::new(Arc::clone(&self.0), key.clone(), slot, unseen).into_stream()
    }
}

/// Starts the task that was reserved as `id`.
#[expect(clippy::disallowed_methods, reason = "the one module of the driver that starts tasks")]
fn start(registry: &Arc<Registry>, scope: &Scope, id: u64) {
    // Created here and not in the task, so that it ends its streams even if the runtime shuts down
    // before the task has run.
    let feed = Feed::new(Arc::clone(registry), scope.clone(), id);
    let handle = tokio::spawn({
        let (registry, scope) = (Arc::clone(registry), scope.clone());
        async move {
            match feed.run().await {
                End::Narrow => narrow(&registry, &scope, id),
                End::Failed(error) => registry.finish(&scope, id, &error),
            }
        }
    });
    let mut feeds = registry.lock();
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
fn narrow(registry: &Arc<Registry>, scope: &Scope, id: u64) {
    let mut feeds = registry.lock();
    if !feeds.ended(scope, id) {
        return;
    }
    tracing::debug!(
        namespace = scope.namespace,
        "not allowed to watch all Leases of the namespace, watching each by name"
    );
    feeds.narrow.insert(scope.namespace.clone());
    let names = registry.store().cache.subscribed(&scope.namespace);
    let scopes = names.into_iter().map(|name| Scope { name: Some(name), ..scope.clone() });
    let reserved: Vec<_> = scopes.map(|it| (feeds.reserve(it.clone()), it)).collect();
    drop(feeds);
    for (id, scope) in reserved {
        start(registry, &scope, id);
    }
}
