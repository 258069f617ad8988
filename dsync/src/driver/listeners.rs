use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tokio::sync::Notify;

use super::{Key, Lease, Observation, Watch};
use crate::{Error, ErrorKind, Result};

/// Who listens to which key: for a driver that hears of all its keys on one connection.
///
/// Watches come and go; the driver's one background task compares what is listened to with what it
/// has subscribed to ([`to_do`](Self::to_do)), says what the server has confirmed
/// ([`confirm`](Self::confirm)) and what it hears ([`tell`](Self::tell)). A watch keeps the latest
/// record alone, so that a slow reader costs no memory and misses no last state.
///
/// When the connection breaks, [`fail`](Self::fail) ends all watches. The core starts new ones after
/// its retry period, so a driver needs no retries of its own.
///
/// A driver of your own may use it or leave it.
#[derive(Default)]
pub struct Listeners {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Whether a task follows what is listened to.
    served: bool,
    last: u64,
    ears: BTreeMap<Key, BTreeMap<u64, Ear>>,
    /// What the server was asked for, and whether it has said yes.
    asked: BTreeMap<Key, bool>,
}

/// What one watch has not been told yet.
#[derive(Default)]
struct Ear {
    alive: bool,
    /// A record.
    heard: Option<Observation>,
    end: Option<Error>,
    waker: Option<Waker>,
}

impl Listeners {
    /// Nobody listens yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A watch of `key`. `start` is called if no task serves the listeners; from then on one does,
    /// until [`fail`](Self::fail).
    pub fn listen(self: &Arc<Self>, key: &Key, start: impl FnOnce()) -> Watch {
        let mut state = self.lock();
        state.last += 1;
        let id = state.last;
        let mut ear = Ear::default();
        if state.closed {
            ear.end = Some(closed());
        }
        // Nothing is missed from now on.
        ear.alive = state.asked.get(key).copied().unwrap_or(false);
        state.ears.entry(key.clone()).or_default().insert(id, ear);
        let starts = !state.closed && !std::mem::replace(&mut state.served, true);
        drop(state);
        self.changed.notify_one();
        if starts {
            start();
        }
        Box::pin(Listener { listeners: Arc::clone(self), key: key.clone(), id, over: false })
    }

    /// Completes when [`to_do`](Self::to_do) may have something new. For one task at a time.
    ///
    /// # Cancel safety
    ///
    /// Safe: a change that was not waited for is told by the next call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What to subscribe to, and what to unsubscribe from, since the last call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stopped`] if the driver was closed: the task ends.
    pub fn to_do(&self) -> Result<(Vec<Key>, Vec<Key>)> {
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        let State { ears, asked, .. } = &mut *state;
        let wanted: BTreeSet<&Key> = ears.keys().collect();
        let gone: Vec<Key> = asked.keys().filter(|key| !wanted.contains(key)).cloned().collect();
        let added: Vec<Key> =
            wanted.into_iter().filter(|key| !asked.contains_key(*key)).cloned().collect();
        for key in &gone {
            asked.remove(key);
        }
        asked.extend(added.iter().map(|key| (key.clone(), false)));
        Ok((added, gone))
    }

    /// From now on nothing is missed of `key`: its watches begin with [`Observation::Heartbeat`].
    pub fn confirm(&self, key: &Key) {
        let mut state = self.lock();
        if let Some(confirmed) = state.asked.get_mut(key) {
            *confirmed = true;
            state.each(key, |ear| ear.alive = true);
        }
    }

    /// Tells the watches of `key` that its record is `record` now.
    pub fn tell(&self, key: &Key, record: Option<&Lease>) {
        let heard = Observation::Record(record.cloned());
        self.lock().each(key, |ear| ear.heard = Some(heard.clone()));
    }

    /// Ends all watches with `error`, and forgets what was subscribed to. The task is over.
    pub fn fail(&self, error: &Error) {
        self.end(error, |state| state.served = false);
    }

    /// Ends all watches, for good, and tells the task.
    pub fn close(&self) {
        self.end(&closed(), |state| state.closed = true);
        self.changed.notify_one();
    }

    fn end(&self, error: &Error, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.asked.clear();
        let keys: Vec<Key> = state.ears.keys().cloned().collect();
        for key in keys {
            state.each(&key, |ear| ear.end = Some(error.clone()));
        }
    }
}

fn closed() -> Error {
    Error::definite(ErrorKind::Stopped, "the driver was closed")
}

impl State {
    fn each(&mut self, key: &Key, change: impl Fn(&mut Ear)) {
        for ear in self.ears.get_mut(key).into_iter().flat_map(BTreeMap::values_mut) {
            change(ear);
            if let Some(waker) = ear.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Ear {
    /// That it works, then how things stand, then that it is over.
    fn next(&mut self) -> Option<Result<Observation>> {
        if std::mem::take(&mut self.alive) {
            return Some(Ok(Observation::Heartbeat));
        }
        self.heard.take().map(Ok).or_else(|| self.end.take().map(Err))
    }
}

/// The stream of one watch.
struct Listener {
    listeners: Arc<Listeners>,
    key: Key,
    id: u64,
    over: bool,
}

impl Stream for Listener {
    type Item = Result<Observation>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        let mut state = this.listeners.lock();
        let ear = state.ears.get_mut(&this.key).and_then(|ears| ears.get_mut(&this.id));
        let Some(ear) = ear else { return Poll::Ready(None) };
        let Some(next) = ear.next() else {
            ear.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        this.over = next.is_err();
        Poll::Ready(Some(next))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = self.listeners.lock();
        let Some(ears) = state.ears.get_mut(&self.key) else { return };
        ears.remove(&self.id);
        if ears.is_empty() {
            state.ears.remove(&self.key);
            drop(state);
            self.listeners.changed.notify_one();
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Listeners").field("keys", &state.ears.keys()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

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

    #[test]
    fn a_watch_begins_when_its_subscription_is_confirmed() {
        let (listeners, starts) = (Arc::new(Listeners::new()), Cell::new(0));
        let start = || starts.set(starts.get() + 1);
        let mut first = listeners.listen(&key("a"), start);
        assert_eq!(listeners.to_do().unwrap(), (vec![key("a")], vec![]));
        assert!(next(&mut first).is_pending());
        // It comes while the subscription is under way.
        let mut second = listeners.listen(&key("a"), start);
        assert_eq!(listeners.to_do().unwrap(), (vec![], vec![]));
        listeners.confirm(&key("a"));
        assert!(is_alive(&mut first) && is_alive(&mut second));
        assert!(is_alive(&mut listeners.listen(&key("a"), start)));
        assert!(next(&mut first).is_pending());
        assert_eq!(starts.get(), 1);
    }

    #[test]
    fn the_last_state_is_told_and_no_queue_grows() {
        let listeners = Arc::new(Listeners::new());
        let mut watch = listeners.listen(&key("a"), || {});
        listeners.to_do().unwrap();
        listeners.confirm(&key("a"));
        for _ in 0..10_000 {
            listeners.tell(&key("a"), None);
            listeners.tell(&key("b"), None);
        }
        assert!(is_alive(&mut watch) && is_free(&mut watch));
        assert!(next(&mut watch).is_pending());
    }

    #[test]
    fn what_nobody_listens_to_is_left() {
        let listeners = Arc::new(Listeners::new());
        let (first, second) =
            (listeners.listen(&key("a"), || {}), listeners.listen(&key("a"), || {}));
        listeners.to_do().unwrap();
        drop(first);
        assert_eq!(listeners.to_do().unwrap(), (vec![], vec![]));
        drop(second);
        assert_eq!(listeners.to_do().unwrap(), (vec![], vec![key("a")]));
        // Again: it was not confirmed anew.
        let mut third = listeners.listen(&key("a"), || {});
        assert_eq!(listeners.to_do().unwrap(), (vec![key("a")], vec![]));
        assert!(next(&mut third).is_pending());
    }

    #[test]
    fn a_failure_ends_all_and_the_next_starts_anew() {
        let (listeners, starts) = (Arc::new(Listeners::new()), Cell::new(0));
        let start = || starts.set(starts.get() + 1);
        let mut watch = listeners.listen(&key("a"), start);
        listeners.to_do().unwrap();
        listeners.tell(&key("a"), None);
        listeners.fail(&Error::ambiguous(ErrorKind::Unavailable, "broken"));
        // What was heard before is not lost.
        assert!(is_free(&mut watch));
        assert!(matches!(next(&mut watch), Poll::Ready(Some(Err(_)))));
        assert!(matches!(next(&mut watch), Poll::Ready(None)));
        drop(watch);
        let again = listeners.listen(&key("a"), start);
        assert_eq!((starts.get(), listeners.to_do().unwrap()), (2, (vec![key("a")], vec![])));
        listeners.close();
        assert_eq!(listeners.to_do().unwrap_err().kind(), ErrorKind::Stopped);
        drop(again);
        let mut late = listeners.listen(&key("a"), start);
        assert!(matches!(next(&mut late), Poll::Ready(Some(Err(_)))));
        assert_eq!(starts.get(), 2);
    }
}
