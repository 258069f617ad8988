use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::sync::Notify;

use super::mailbox::Mailbox;
use crate::driver::{Key, Lease, Observation, Watch};
use crate::{Error, ErrorKind, Result};

/// How long a connection may be silent where no lease is shorter than twice that.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);
/// A shorter limit would be a busy loop.
const SHORTEST_SILENCE: Duration = Duration::from_millis(50);

/// The keys that have at least one watch, for the [`Feed`](super::Feed) that serves them.
pub struct WatchedKeys {
    state: Mutex<State>,
    changed: Notify,
    /// In milliseconds.
    silence_limit: AtomicU64,
}

/// The subscriptions that a feed has to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyChanges {
    /// Keys that have a watch and are not subscribed to.
    pub added: Vec<Key>,
    /// Keys that are subscribed to and have no watch any more.
    pub removed: Vec<Key>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Whether a task serves the watches.
    served: bool,
    last_id: u64,
    mailboxes: BTreeMap<Key, BTreeMap<u64, Mailbox>>,
    /// The keys that the feed was asked to subscribe to, and whether the store has confirmed it.
    requested: BTreeMap<Key, bool>,
}

impl WatchedKeys {
    pub(super) fn new() -> Self {
        let silence_limit = AtomicU64::new(millis(LONGEST_SILENCE));
        Self { state: Mutex::default(), changed: Notify::new(), silence_limit }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a watch of `key`, and whether the caller has to start a task. From then on one
    /// serves, until [`fail`](Self::fail).
    pub(super) fn watch(self: &Arc<Self>, key: &Key) -> (Watch, bool) {
        let mut state = self.lock();
        let mut mailbox = Mailbox::default();
        if state.closed {
            mailbox.set_end(closed());
        }
        // The store has confirmed the key for an earlier watch, so this one misses nothing either.
        if state.requested.get(key).copied().unwrap_or(false) {
            mailbox.set_alive();
        }
        let id = state.insert(key, mailbox);
        let starts = !state.closed && !std::mem::replace(&mut state.served, true);
        drop(state);
        self.changed.notify_one();
        (self.stream(key, id), starts)
    }

    /// Returns a watch that yields `error` and ends.
    pub(super) fn ended_watch(self: &Arc<Self>, key: &Key, error: Error) -> Watch {
        let mut mailbox = Mailbox::default();
        mailbox.set_end(error);
        let id = self.lock().insert(key, mailbox);
        self.stream(key, id)
    }

    fn stream(self: &Arc<Self>, key: &Key, id: u64) -> Watch {
        Box::pin(WatchStream { keys: Arc::clone(self), key: key.clone(), id, ended: false })
    }

    /// Waits until [`take_changes`](Self::take_changes) may return something new. For one task at
    /// a time.
    ///
    /// # Cancel safety
    ///
    /// No change is lost: one that was not waited for completes the next call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns what to subscribe to, and what to unsubscribe from, since the last call.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Stopped`] if the driver was closed. The feed ends with this error.
    pub fn take_changes(&self) -> Result<KeyChanges> {
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        let State { mailboxes, requested, .. } = &mut *state;
        let wanted: BTreeSet<&Key> = mailboxes.keys().collect();
        let removed: Vec<Key> =
            requested.keys().filter(|key| !wanted.contains(key)).cloned().collect();
        let added: Vec<Key> =
            wanted.into_iter().filter(|key| !requested.contains_key(*key)).cloned().collect();
        for key in &removed {
            requested.remove(key);
        }
        requested.extend(added.iter().map(|key| (key.clone(), false)));
        Ok(KeyChanges { added, removed })
    }

    /// Notes that the store has confirmed the subscription to `key`: from now on no change of it
    /// is missed, so its watches yield [`Observation::Heartbeat`].
    pub fn confirm(&self, key: &Key) {
        let mut state = self.lock();
        if let Some(confirmed) = state.requested.get_mut(key) {
            *confirmed = true;
            state.each(key, Mailbox::set_alive);
        }
    }

    /// Gives the watches of `key` its current record; `None` if it has none.
    pub fn publish(&self, key: &Key, record: Option<&Lease>) {
        let observed = Observation::Record(record.cloned());
        self.lock().each(key, |mailbox| mailbox.set_record(observed.clone()));
    }

    /// Returns how long the connection may be silent before the feed has to probe it, and how long
    /// the store may take to answer the probe.
    ///
    /// It is half of the shortest lease in use, but at least 50 ms and at most 5 s.
    #[must_use]
    pub fn silence_limit(&self) -> Duration {
        Duration::from_millis(self.silence_limit.load(Ordering::Relaxed))
    }

    pub(super) fn note_lease(&self, duration: Duration) {
        let limit = millis((duration / 2).clamp(SHORTEST_SILENCE, LONGEST_SILENCE));
        self.silence_limit.fetch_min(limit, Ordering::Relaxed);
    }

    /// Ends all watches with `error`, and forgets what was subscribed to: the task is over. After
    /// [`close`](Self::close) it does nothing.
    pub(super) fn fail(&self, error: &Error) {
        let mut state = self.lock();
        if !state.closed {
            state.served = false;
            state.end(error);
        }
    }

    /// Ends all watches for good.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.closed, true) {
            state.end(&closed());
        }
        drop(state);
        self.changed.notify_one();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn closed() -> Error {
    Error::definite(ErrorKind::Stopped, "the driver was closed")
}

impl State {
    fn insert(&mut self, key: &Key, mailbox: Mailbox) -> u64 {
        self.last_id += 1;
        self.mailboxes.entry(key.clone()).or_default().insert(self.last_id, mailbox);
        self.last_id
    }

    fn each(&mut self, key: &Key, change: impl Fn(&mut Mailbox)) {
        self.mailboxes.get_mut(key).into_iter().flat_map(BTreeMap::values_mut).for_each(change);
    }

    fn end(&mut self, error: &Error) {
        self.requested.clear();
        for mailbox in self.mailboxes.values_mut().flat_map(BTreeMap::values_mut) {
            mailbox.set_end(error.clone());
        }
    }
}

/// The stream of one watch. Dropping it ends the watch.
struct WatchStream {
    keys: Arc<WatchedKeys>,
    key: Key,
    id: u64,
    ended: bool,
}

impl Stream for WatchStream {
    type Item = Result<Observation>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let mut state = this.keys.lock();
        let mailboxes = state.mailboxes.get_mut(&this.key);
        let Some(mailbox) = mailboxes.and_then(|mailboxes| mailboxes.get_mut(&this.id)) else {
            return Poll::Ready(None);
        };
        let next = mailbox.poll(cx);
        this.ended = matches!(next, Poll::Ready(Err(_)));
        next.map(Some)
    }
}

impl Drop for WatchStream {
    fn drop(&mut self) {
        let mut state = self.keys.lock();
        let Some(mailboxes) = state.mailboxes.get_mut(&self.key) else { return };
        mailboxes.remove(&self.id);
        if mailboxes.is_empty() {
            state.mailboxes.remove(&self.key);
            drop(state);
            self.keys.changed.notify_one();
        }
    }
}

impl fmt::Debug for WatchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().mailboxes.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::driver::KeyKind;

    fn key(name: &str) -> Key {
        Key::new(KeyKind::Lock, "default", name)
    }

    fn next(watch: &mut Watch) -> Poll<Option<Result<Observation>>> {
        watch.as_mut().poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn is_alive(watch: &mut Watch) -> bool {
        matches!(next(watch), Poll::Ready(Some(Ok(Observation::Heartbeat))))
    }

    fn is_free(watch: &mut Watch) -> bool {
        matches!(next(watch), Poll::Ready(Some(Ok(Observation::Record(None)))))
    }

    /// What was added, and what was removed.
    fn changes(keys: &WatchedKeys) -> (Vec<Key>, Vec<Key>) {
        let KeyChanges { added, removed } = keys.take_changes().unwrap();
        (added, removed)
    }

    #[test]
    fn a_watch_begins_when_its_subscription_is_confirmed() {
        let keys = Arc::new(WatchedKeys::new());
        let (mut first, starts) = keys.watch(&key("a"));
        assert!(starts);
        assert_eq!(changes(&keys), (vec![key("a")], vec![]));
        assert!(next(&mut first).is_pending());
        // It is created while the subscription is in flight.
        let (mut second, starts) = keys.watch(&key("a"));
        assert!(!starts);
        assert_eq!(changes(&keys), (vec![], vec![]));
        keys.confirm(&key("a"));
        assert!(is_alive(&mut first) && is_alive(&mut second));
        let (mut third, starts) = keys.watch(&key("a"));
        assert!(is_alive(&mut third) && !starts);
        assert!(next(&mut first).is_pending());
    }

    #[test]
    fn the_last_state_is_kept_and_no_queue_grows() {
        let keys = Arc::new(WatchedKeys::new());
        let (mut watch, _) = keys.watch(&key("a"));
        keys.take_changes().unwrap();
        keys.confirm(&key("a"));
        for _ in 0..10_000 {
            keys.publish(&key("a"), None);
            keys.publish(&key("b"), None);
        }
        assert!(is_alive(&mut watch) && is_free(&mut watch));
        assert!(next(&mut watch).is_pending());
    }

    #[test]
    fn a_key_without_watches_is_unsubscribed_from() {
        let keys = Arc::new(WatchedKeys::new());
        let (first, second) = (keys.watch(&key("a")).0, keys.watch(&key("a")).0);
        keys.take_changes().unwrap();
        drop(first);
        assert_eq!(changes(&keys), (vec![], vec![]));
        drop(second);
        assert_eq!(changes(&keys), (vec![], vec![key("a")]));
        // The next watch needs a new subscription, and a new confirmation.
        let (mut third, _) = keys.watch(&key("a"));
        assert_eq!(changes(&keys), (vec![key("a")], vec![]));
        assert!(next(&mut third).is_pending());
    }

    #[test]
    fn a_failure_ends_all_and_the_next_starts_anew() {
        let keys = Arc::new(WatchedKeys::new());
        let (mut watch, starts) = keys.watch(&key("a"));
        assert!(starts);
        keys.take_changes().unwrap();
        keys.publish(&key("a"), None);
        keys.fail(&Error::ambiguous(ErrorKind::Unavailable, "broken"));
        // A record that arrived before the failure is not lost.
        assert!(is_free(&mut watch));
        assert!(matches!(next(&mut watch), Poll::Ready(Some(Err(_)))));
        assert!(matches!(next(&mut watch), Poll::Ready(None)));
        drop(watch);
        let (again, starts) = keys.watch(&key("a"));
        assert!(starts);
        assert_eq!(changes(&keys), (vec![key("a")], vec![]));
        keys.close();
        assert_eq!(keys.take_changes().unwrap_err().kind(), ErrorKind::Stopped);
        drop(again);
        let (mut late, starts) = keys.watch(&key("a"));
        assert!(matches!(next(&mut late), Poll::Ready(Some(Err(_)))));
        assert!(!starts);
    }

    #[test]
    fn silence_is_limited_by_the_shortest_lease() {
        let keys = WatchedKeys::new();
        assert_eq!(keys.silence_limit(), Duration::from_secs(5));
        for (lease, limit) in [(60_000, 5000), (3000, 1500), (15_000, 1500), (2, 50)] {
            keys.note_lease(Duration::from_millis(lease));
            assert_eq!(keys.silence_limit(), Duration::from_millis(limit), "{lease}");
        }
    }
}
