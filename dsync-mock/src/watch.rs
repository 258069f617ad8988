//! A watch: the latest state of a key, never a queue.

use std::sync::Arc;

use dsync::driver::{Key, Observation, Verb, WatchScope};
use dsync::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::log::Outcome;
use crate::network::Fate;
use crate::store::{State, Store};

/// One subscriber. It keeps the state that it reported last, and compares it with the present one
/// when the key changes or expires, so it needs no task and no queue.
pub(crate) struct Watcher {
    store: Arc<Store>,
    connection: Arc<Connection>,
    key: Key,
    scope: WatchScope,
    changed: Arc<Notify>,
    begun_after_break: u64,
    reported: Option<Reported>,
    /// Whether it has sent the first heartbeat, if it does not begin with the record.
    greeted: bool,
    fate: Fate,
    over: bool,
}

/// What distinguishes one state of a key from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reported {
    version: Option<u64>,
    renewals: u64,
    releases: u64,
}

enum Look {
    Report(Result<Observation>),
    /// Nothing to report before this.
    Wait(Option<Instant>),
}

impl Watcher {
    pub(crate) fn new(
        store: &Arc<Store>,
        connection: &Arc<Connection>,
        key: &Key,
        scope: WatchScope,
    ) -> Self {
        let instance = connection.instance();
        let mut state = store.lock();
        let now = state.now;
        let entry = state.log.sent(now, instance.as_deref(), Verb::Watch, key);
        let fate = match state.network.route(instance.as_deref(), Verb::Watch) {
            Some((fate, _)) => fate,
            // A partition silences it while it lasts.
            None => Fate::Deliver,
        };
        let outcome = match &fate {
            Fate::Fail(error) => Outcome::Failed(error.kind()),
            _ => Outcome::Watching,
        };
        state.log.settle(entry, outcome);
        let begun_after_break = state.network.breaks();
        let slot = state.records.slot(key, now);
        let reported = Reported { version: None, renewals: slot.renewals, releases: slot.releases };
        Self {
            store: Arc::clone(store),
            connection: Arc::clone(connection),
            key: key.clone(),
            scope,
            changed: slot.subscribe(),
            begun_after_break,
            // A watch of releases does not begin with the record.
            reported: (scope == WatchScope::Releases).then_some(reported),
            greeted: scope != WatchScope::Releases,
            fate,
            over: false,
        }
    }

    /// Returns the next item and the rest, or `None` when the watch is over.
    pub(crate) async fn next(mut self) -> Option<(Result<Observation>, Self)> {
        if self.over {
            return None;
        }
        loop {
            let until = match self.look() {
                Look::Report(item) => {
                    self.over = item.is_err();
                    return Some((item, self));
                }
                Look::Wait(until) => until,
            };
            // What changed since the last look is remembered, so nothing is missed in between.
            let changed = self.changed.notified();
            // The time running out is what was waited for.
            match until {
                Some(until) => drop(timeout_at(until, changed).await),
                None => changed.await,
            }
        }
    }

    fn look(&mut self) -> Look {
        let instance = self.connection.instance();
        let store = Arc::clone(&self.store);
        let mut state = store.lock();
        match &self.fate {
            Fate::Deliver => {}
            Fate::Fail(error) => return Look::Report(Err(error.clone())),
            Fate::FailApplied(kind) => {
                return Look::Report(Err(Error::ambiguous(*kind, "the watch failed")));
            }
            Fate::Unanswered(_) => return Look::Wait(None),
        }
        if state.network.broken_since(instance.as_deref(), self.begun_after_break) {
            let error = Error::definite(ErrorKind::Unavailable, "the watch was broken by a test");
            return Look::Report(Err(error));
        }
        if state.network.silences(instance.as_deref()) {
            return Look::Wait(None);
        }
        self.observe(&mut state).map_or_else(
            || Look::Wait(state.next_change(&self.key)),
            |observation| Look::Report(Ok(observation)),
        )
    }

    fn observe(&mut self, state: &mut State) -> Option<Observation> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Observation::Heartbeat);
        }
        let now = state.now;
        let slot = state.records.slot(&self.key, now);
        let is = Reported {
            version: slot.record.as_ref().map(|record| record.version),
            renewals: slot.renewals,
            releases: slot.releases,
        };
        let was = self.reported.replace(is);
        let changed = was.is_none_or(|was| match self.scope {
            WatchScope::Releases => was.releases != is.releases,
            _ => was.version != is.version,
        });
        if changed {
            return Some(Observation::Record(state.records.read(&self.key, now)));
        }
        // A renewal that leaves the version alone is no change of the record (a keep-alive of
        // etcd), but it shows that the watch works.
        let beat = was.is_some_and(|was| was.renewals != is.renewals);
        (beat && self.scope == WatchScope::Changes).then_some(Observation::Heartbeat)
    }
}
