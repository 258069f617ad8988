mod mailbox;
mod watched_keys;

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::watched_keys::{KeyChanges, WatchedKeys};
use super::{Key, Watch};
use crate::env::{Env as _, TokioEnv};
use crate::{Error, ErrorKind, Result};

/// The connection on which a driver learns about all of its watched keys.
///
/// [`Subscriptions`] runs it in one background task.
#[async_trait]
pub trait Feed: fmt::Debug + Send + Sync + 'static {
    /// Connects to the store and publishes what it reports about `keys`, until the connection
    /// fails.
    ///
    /// An implementation loops over three steps:
    ///
    /// 1. Apply [`WatchedKeys::take_changes`]: subscribe to the added keys, unsubscribe from the
    ///    removed ones.
    /// 2. When the store has confirmed the subscription of a key, call [`WatchedKeys::confirm`].
    /// 3. Wait for the next message, which goes to [`WatchedKeys::publish`], for
    ///    [`WatchedKeys::changed`], or for [`WatchedKeys::silence_limit`] to pass; in the last case
    ///    probe the connection, because a dead one is silent too.
    ///
    /// It must not retry: the core starts new watches after its retry period, and the first of
    /// them calls this method again.
    ///
    /// # Errors
    ///
    /// Returns the reason why the connection cannot go on. All watches end with this error.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the driver is closed. Dropping it must close the connection.
    async fn serve(&self, keys: &WatchedKeys) -> Result<Infallible>;
}

/// The watches of a driver that learns about all of its keys on one connection.
///
/// The driver supplies the connection as a [`Feed`], which runs in one background task. The task
/// starts with the first watch. It ends when the feed fails, when [`close`](Self::close) is called, or
/// when this value is dropped. After a failure, the next watch starts it again.
///
/// A watch keeps only the latest record of its key. A slow reader therefore costs no memory and
/// still receives the final state.
///
/// Drivers are free not to use this type.
pub struct Subscriptions {
    feed: Arc<dyn Feed>,
    keys: Arc<WatchedKeys>,
    stop: CancellationToken,
    /// Cancelled when the task that was started last has ended.
    ended: Mutex<Option<CancellationToken>>,
}

impl Subscriptions {
    /// Creates subscriptions without a watch. Nothing is started yet.
    #[must_use]
    pub fn new(feed: impl Feed) -> Self {
        Self {
            feed: Arc::new(feed),
            keys: Arc::new(WatchedKeys::new()),
            stop: CancellationToken::new(),
            ended: Mutex::default(),
        }
    }

    /// Returns a watch of `key`, and starts the background task if it is not running.
    ///
    /// The watch begins with [`Observation::Heartbeat`](super::Observation::Heartbeat) as soon as the store
    /// has confirmed the subscription. Outside a tokio runtime it yields one error,
    /// [`ErrorKind::NoRuntime`], and ends; after [`close`](Self::close) likewise with
    /// [`ErrorKind::Stopped`].
    pub fn watch(&self, key: &Key) -> Watch {
        match TokioEnv::new() {
            Err(error) => self.keys.ended_watch(key, error),
            Ok(env) => {
                let (watch, starts) = self.keys.watch(key);
                if starts {
                    self.start(&env);
                }
                watch
            }
        }
    }

    /// Notes that a lease of this duration is in use, so that a dead connection is noticed within
    /// it. See [`WatchedKeys::silence_limit`].
    pub fn note_lease(&self, duration: Duration) {
        self.keys.note_lease(duration);
    }

    /// Ends all watches and the background task, for good, and waits until the task has ended.
    ///
    /// # Cancel safety
    ///
    /// The task ends even if the future is dropped. Calling the method again waits for it.
    pub async fn close(&self) {
        self.stop();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(ended) = ended {
            ended.cancelled().await;
        }
    }

    fn stop(&self) {
        // The order matters: once the keys are closed, no watch starts another task, and the
        // watches end with `Stopped` and not with what the task leaves behind.
        self.keys.close();
        self.stop.cancel();
    }

    fn start(&self, env: &TokioEnv) {
        let ended = CancellationToken::new();
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended.clone());
        let (feed, stop) = (Arc::clone(&self.feed), self.stop.clone());
        let mut task =
            Task { keys: Arc::clone(&self.keys), error: None, _ended: ended.drop_guard() };
        env.spawn(Box::pin(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                Err(error) = feed.serve(&task.keys) => {
                    tracing::debug!(target: "dsync", %error, "watch connection ended");
                    task.failed(error);
                }
            }
        }));
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feed, keys, .. } = self;
        f.debug_struct("Subscriptions")
            .field("feed", feed)
            .field("keys", keys)
            .finish_non_exhaustive()
    }
}

/// Held by the background task. Ends all watches when the task ends, however it ends: a feed that
/// panics, or a runtime that shuts down, must not leave watches that wait forever.
struct Task {
    keys: Arc<WatchedKeys>,
    error: Option<Error>,
    _ended: DropGuard,
}

impl Task {
    fn failed(&mut self, error: Error) {
        self.error = Some(error);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let unexplained =
            || Error::definite(ErrorKind::Internal, "the task of the watch ended without an error");
        self.keys.fail(&self.error.take().unwrap_or_else(unexplained));
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::driver::{KeyKind, Observation};

    /// Confirms every key. Fails at one permit of `fail`; panics if that is closed.
    #[derive(Debug)]
    struct Scripted {
        fail: Arc<Semaphore>,
        serving: Arc<()>,
    }

    #[async_trait]
    impl Feed for Scripted {
        async fn serve(&self, keys: &WatchedKeys) -> Result<Infallible> {
            let _serving = Arc::clone(&self.serving);
            loop {
                for key in keys.take_changes()?.added {
                    keys.confirm(&key);
                }
                tokio::select! {
                    permit = self.fail.acquire() => {
                        permit.expect("scripted panic").forget();
                        return Err(Error::ambiguous(ErrorKind::Unavailable, "broken"));
                    }
                    () = keys.changed() => {}
                }
            }
        }
    }

    /// The subscriptions, what makes the feed fail, and a count of two while it serves.
    fn scripted() -> (Subscriptions, Arc<Semaphore>, Arc<()>) {
        let (fail, serving) = (Arc::new(Semaphore::new(0)), Arc::new(()));
        let feed = Scripted { fail: Arc::clone(&fail), serving: Arc::clone(&serving) };
        (Subscriptions::new(feed), fail, serving)
    }

    fn key() -> Key {
        Key::new(KeyKind::Lock, "default", "a")
    }

    async fn next(watch: &mut Watch) -> Option<Result<Observation>> {
        std::future::poll_fn(|cx| watch.as_mut().poll_next(cx)).await
    }

    async fn end(watch: &mut Watch) -> ErrorKind {
        loop {
            if let Err(error) = next(watch).await.expect("an error before the end") {
                assert!(next(watch).await.is_none());
                return error.kind();
            }
        }
    }

    /// How many tasks hold the feed's connection.
    fn connections(serving: &Arc<()>) -> usize {
        Arc::strong_count(serving) - 2
    }

    #[tokio::test]
    async fn one_task_serves_all_watches_and_starts_with_the_first() {
        let (subscriptions, _fail, serving) = scripted();
        tokio::task::yield_now().await;
        assert_eq!(connections(&serving), 0);
        let (mut first, mut second) = (subscriptions.watch(&key()), subscriptions.watch(&key()));
        assert_eq!(next(&mut first).await.unwrap().unwrap(), Observation::Heartbeat);
        assert_eq!(next(&mut second).await.unwrap().unwrap(), Observation::Heartbeat);
        assert_eq!(connections(&serving), 1);
    }

    #[tokio::test]
    async fn after_a_failure_the_next_watch_starts_the_task_again() {
        let (subscriptions, fail, serving) = scripted();
        let mut watch = subscriptions.watch(&key());
        fail.add_permits(1);
        assert_eq!(end(&mut watch).await, ErrorKind::Unavailable);
        assert_eq!(connections(&serving), 0);
        let mut watch = subscriptions.watch(&key());
        assert_eq!(next(&mut watch).await.unwrap().unwrap(), Observation::Heartbeat);
        assert_eq!(connections(&serving), 1);
    }

    #[tokio::test]
    async fn a_feed_that_panics_ends_its_watches() {
        let (subscriptions, fail, _serving) = scripted();
        let mut watch = subscriptions.watch(&key());
        fail.close();
        assert_eq!(end(&mut watch).await, ErrorKind::Internal);
    }

    #[tokio::test]
    async fn closing_waits_for_the_task_and_is_final() {
        let (subscriptions, _fail, serving) = scripted();
        let mut watch = subscriptions.watch(&key());
        assert_eq!(next(&mut watch).await.unwrap().unwrap(), Observation::Heartbeat);
        subscriptions.close().await;
        assert_eq!(connections(&serving), 0);
        assert_eq!(end(&mut watch).await, ErrorKind::Stopped);
        assert_eq!(end(&mut subscriptions.watch(&key())).await, ErrorKind::Stopped);
        subscriptions.close().await;
        assert_eq!(connections(&serving), 0);
    }

    #[tokio::test]
    async fn dropping_ends_the_task_and_all_watches() {
        let (subscriptions, _fail, serving) = scripted();
        let mut watch = subscriptions.watch(&key());
        assert_eq!(next(&mut watch).await.unwrap().unwrap(), Observation::Heartbeat);
        let ended = subscriptions.ended.lock().unwrap().clone().unwrap();
        drop(subscriptions);
        assert_eq!(end(&mut watch).await, ErrorKind::Stopped);
        ended.cancelled().await;
        assert_eq!(Arc::strong_count(&serving), 1);
    }

    #[test]
    fn outside_a_runtime_a_watch_is_an_error_and_no_panic() {
        let (subscriptions, _fail, _serving) = scripted();
        let mut watch = subscriptions.watch(&key());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let first = watch.as_mut().poll_next(&mut cx);
        let std::task::Poll::Ready(Some(Err(error))) = first else { panic!("{first:?}") };
        assert_eq!(error.kind(), ErrorKind::NoRuntime);
    }
}
