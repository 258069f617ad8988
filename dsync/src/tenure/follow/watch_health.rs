//! Whether the watch works, and what it showed while a call was in flight.

use crate::driver::{Lease, Version};
use crate::env::Instant;

/// How far the watch can be relied on.
#[derive(Debug, Default)]
pub(super) struct WatchHealth {
    /// The watch works, as far as is known.
    healthy: bool,
    /// It began to work while a call was in flight, and has not shown the record.
    pub(super) began: bool,
    pub(super) last_heard: Instant,
    /// The last time that the store itself showed the record.
    pub(super) last_look: Instant,
    /// The version at which an attempt was refused. The watch is behind while it shows this one.
    pub(super) refused: Option<Version>,
    /// What the watch showed while a call was in flight. The answer to the call may be older.
    news: Option<News>,
}

/// A state of the record: its version, if there was a record.
#[derive(Debug, PartialEq, Eq)]
struct News(Option<Version>);

impl News {
    fn of(record: Option<&Lease>) -> Self {
        Self(record.map(|lease| lease.version.clone()))
    }
}

impl WatchHealth {
    /// Takes note of an event. Returns whether the watch has just begun to work.
    pub(super) fn alive(&mut self, now: Instant) -> bool {
        self.last_heard = now;
        !std::mem::replace(&mut self.healthy, true)
    }

    pub(super) fn ended(&mut self) {
        self.healthy = false;
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// A call is sent: what the watch shows from now on may be newer than its answer.
    pub(super) fn sending(&mut self) {
        self.news = None;
        self.began = false;
    }

    /// Whether `lease` is the state at which an attempt has been refused already.
    pub(super) fn is_behind(&self, lease: &Lease) -> bool {
        self.refused.as_ref() == Some(&lease.version)
    }

    /// Keeps what the watch showed while a call was in flight.
    pub(super) fn keep(&mut self, record: Option<&Lease>) {
        self.news = Some(News::of(record));
    }

    /// Whether the watch showed anything while the call was in flight. Forgets it.
    pub(super) fn take_any(&mut self) -> bool {
        self.news.take().is_some()
    }

    /// Whether the watch showed another state than `answer` while the call was in flight, or
    /// began meanwhile. Forgets both.
    pub(super) fn take_doubt(&mut self, answer: Option<&Lease>) -> bool {
        let differs = self.news.take().is_some_and(|news| news != News::of(answer));
        std::mem::take(&mut self.began) || differs
    }
}
