//! Who listens for which release.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use dsync::driver::{Observation, Watch};
use dsync::{Error, Result};
use futures_util::Stream;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

/// More than that need not wait in a queue: whoever hears one release looks for itself.
const MOST_WAITING: usize = 4;

#[derive(Debug)]
pub(super) struct Ears {
    state: Mutex<State>,
    /// There is something to subscribe to, or not to any more.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    closed: bool,
    last: u64,
    wanted: BTreeMap<String, BTreeMap<u64, Sender<Result<Observation>>>>,
    /// What the server has confirmed.
    confirmed: BTreeSet<String>,
    /// What it was asked for.
    asked: BTreeSet<String>,
    task: Option<JoinHandle<()>>,
    period: Duration,
}

impl Ears {
    pub(super) fn new(period: Duration) -> Self {
        let state = State {
            closed: false,
            last: 0,
            wanted: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            asked: BTreeSet::new(),
            task: None,
            period,
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn period(&self) -> Duration {
        self.lock().period
    }

    pub(super) fn be_quicker_than(&self, period: Duration) {
        let mut state = self.lock();
        if period < state.period {
            state.period = period;
            self.changed.notify_one();
        }
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Listens on `channel`; `start` makes the task if there is none. `None`: it was closed.
    pub(super) fn add(
        self: &Arc<Self>,
        channel_name: &str,
        start: impl FnOnce() -> JoinHandle<()>,
    ) -> Option<Watch> {
        let (sender, receiver) = channel(MOST_WAITING);
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.last += 1;
        let id = state.last;
        if state.confirmed.contains(channel_name) {
            let _ = sender.try_send(Ok(Observation::Alive));
        }
        state.wanted.entry(channel_name.to_owned()).or_default().insert(id, sender);
        if state.task.is_none() {
            state.task = Some(start());
        }
        drop(state);
        self.changed.notify_one();
        let ears = Arc::clone(self);
        Some(Box::pin(Ear { ears, channel: channel_name.to_owned(), id, receiver }))
    }

    fn remove(&self, channel: &str, id: u64) {
        let mut state = self.lock();
        let Some(ears) = state.wanted.get_mut(channel) else { return };
        ears.remove(&id);
        if ears.is_empty() {
            state.wanted.remove(channel);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// What to subscribe to, and what not to any more.
    pub(super) fn to_do(&self) -> (Vec<String>, Vec<String>) {
        let mut state = self.lock();
        let wanted: BTreeSet<String> = state.wanted.keys().cloned().collect();
        let added = wanted.difference(&state.asked).cloned().collect();
        let gone: Vec<String> = state.asked.difference(&wanted).cloned().collect();
        for channel in &gone {
            state.confirmed.remove(channel);
        }
        state.asked = wanted;
        (added, gone)
    }

    /// From here on nothing is missed on `channels`.
    pub(super) fn confirm(&self, channels: &[String]) {
        let mut state = self.lock();
        state.confirmed.extend(channels.iter().cloned());
        for channel in channels {
            state.tell(channel, &Observation::Alive);
        }
    }

    pub(super) fn released(&self, channel: &str) {
        self.lock().tell(channel, &Observation::Record(None));
    }

    /// Ends all watches with `error`, and the task, which has said so.
    pub(super) fn fail(&self, error: &Error) {
        let mut state = self.lock();
        state.task = None;
        let ears = state.forget();
        drop(state);
        tell_all(ears, error);
    }

    pub(super) fn close(&self, error: &Error) -> Option<JoinHandle<()>> {
        let mut state = self.lock();
        state.closed = true;
        let ears = state.forget();
        let task = state.task.take();
        drop(state);
        tell_all(ears, error);
        if let Some(task) = &task {
            task.abort();
        }
        task
    }
}

fn tell_all(ears: Vec<Sender<Result<Observation>>>, error: &Error) {
    for ear in ears {
        // One that is full ends without a reason.
        let _ = ear.try_send(Err(error.clone()));
    }
}

impl State {
    fn tell(&self, channel: &str, what: &Observation) {
        let Some(ears) = self.wanted.get(channel) else { return };
        for ear in ears.values() {
            let _ = ear.try_send(Ok(what.clone()));
        }
    }

    fn forget(&mut self) -> Vec<Sender<Result<Observation>>> {
        self.confirmed.clear();
        self.asked.clear();
        std::mem::take(&mut self.wanted).into_values().flat_map(BTreeMap::into_values).collect()
    }
}

/// The stream of one watch.
#[derive(Debug)]
struct Ear {
    ears: Arc<Ears>,
    channel: String,
    id: u64,
    receiver: Receiver<Result<Observation>>,
}

impl Stream for Ear {
    type Item = Result<Observation>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().receiver.poll_recv(cx)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.ears.remove(&self.channel, self.id);
    }
}
