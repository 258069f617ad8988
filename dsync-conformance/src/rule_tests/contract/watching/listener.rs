//! A listener that reads a watch and starts a new one when it ends.

use std::future::poll_fn;
use std::time::Duration;

use dsync::Result;
use dsync::driver::{Key, Lease, Observation, Watch, WatchScope};
use tokio::time::{Instant, sleep, timeout_at};

use crate::context::{Case, Outcome, Peer, shown};
use crate::tasks::now;

/// A driver may end a watch that it cannot go on with; more often than this, nothing works.
const MOST_ENDS: u32 = 10;

/// The next item of a watch.
pub(super) async fn next(watch: &mut Watch) -> Option<Result<Observation>> {
    poll_fn(|context| watch.as_mut().poll_next(context)).await
}

pub(super) struct Listener<'a> {
    case: &'a Case,
    peer: Peer,
    key: Key,
    watch: Watch,
    ends: u32,
    /// Whether this watch has said something.
    begun: bool,
    last: Option<Observation>,
}

impl<'a> Listener<'a> {
    pub(super) fn new(case: &'a Case, peer: &Peer, key: &Key) -> Self {
        let (peer, key) = (peer.clone(), key.clone());
        let watch = peer.watch(&key);
        Self { case, peer, key, watch, ends: 0, begun: false, last: None }
    }

    /// Waits until the watch works: it shows the record, or says that it is alive.
    pub(super) async fn begin(&mut self) -> Outcome {
        let until = now() + Case::PATIENCE;
        match self.item(until).await? {
            Some(_) => Ok(()),
            None => Err(self.case.fail(format!(
                "a new watch of {} said nothing in {:?}; it begins with the record, or with \
                 `Heartbeat` as soon as nothing more is missed (Driver::watch)",
                self.key,
                Case::PATIENCE
            ))),
        }
    }

    /// The next item, of this watch or of a new one. `None`: there was none in time.
    async fn item(&mut self, until: Instant) -> Outcome<Option<Observation>> {
        loop {
            let Ok(item) = timeout_at(until, next(&mut self.watch)).await else {
                return Ok(None);
            };
            if let Some(Ok(mut observation)) = item {
                let begins = !std::mem::replace(&mut self.begun, true);
                let tells_all = self.case.watches() == WatchScope::Changes;
                if begins && tells_all && observation == Observation::Heartbeat {
                    // As the core does: the watch may have missed the present state.
                    observation = Observation::Record(self.peer.read(&self.key).await?);
                }
                self.last = Some(observation.clone());
                return Ok(Some(observation));
            }
            self.ends += 1;
            if self.ends > MOST_ENDS {
                return Err(self.case.fail(format!(
                    "the watch of {} ended {} times although nothing is wrong with the store: \
                     {item:?}",
                    self.key, self.ends
                )));
            }
            // As the core does, so that a watch that always ends is no hot loop.
            sleep(self.case.timing().retry_period()).await;
            self.watch = self.peer.watch(&self.key);
            self.begun = false;
        }
    }

    /// Waits until the watch shows a state that `fits`.
    pub(super) async fn shows(
        &mut self,
        what: &str,
        fits: impl Fn(Option<&Lease>) -> bool,
    ) -> Outcome {
        self.case.count();
        self.shows_by(now() + Case::PATIENCE, what, &fits).await
    }

    async fn shows_by(
        &mut self,
        until: Instant,
        what: &str,
        fits: &impl Fn(Option<&Lease>) -> bool,
    ) -> Outcome {
        let from = now();
        while let Some(item) = self.item(until).await? {
            if let Observation::Record(record) = &item
                && fits(record.as_ref())
            {
                return Ok(());
            }
        }
        let last = match &self.last {
            None => "it said nothing at all".to_owned(),
            Some(Observation::Heartbeat) => "the last it said was `Heartbeat`".to_owned(),
            Some(Observation::Record(record)) => {
                format!("the last it showed was {}", shown(record.as_ref()))
            }
        };
        let read = self.peer.read(&self.key).await?;
        let key = &self.key;
        Err(self.case.overdue(
            from,
            format!(
                "the watch of {key} did not show {what}; {last}, while a read shows {}. It may \
                 skip states that did not last, but it must come to show the last one \
                 (Driver::watch)",
                shown(read.as_ref())
            ),
        ))
    }

    /// Waits until the watch shows a state that `fits`, and nothing else after it.
    pub(super) async fn settles(
        &mut self,
        what: &str,
        fits: impl Fn(Option<&Lease>) -> bool,
    ) -> Outcome {
        self.case.count();
        let until = now() + Case::PATIENCE;
        loop {
            self.shows_by(until, what, &fits).await?;
            let quiet = now() + Case::SETTLING;
            loop {
                match self.item(quiet).await? {
                    None => return Ok(()),
                    Some(Observation::Record(record)) if !fits(record.as_ref()) => break,
                    Some(_) => {}
                }
            }
        }
    }

    /// After the connection was broken: the watch ends and a new one begins, or it says that it
    /// goes on.
    pub(super) async fn recovers(&mut self) -> Outcome {
        // Items that were in flight before say nothing.
        let ends = self.ends;
        let until = now() + Case::PATIENCE;
        loop {
            match self.item(until).await? {
                Some(_) if self.ends > ends => return Ok(()),
                Some(Observation::Heartbeat) => return Ok(()),
                Some(Observation::Record(_)) => {}
                None => {
                    return Err(self.case.fail(format!(
                        "the connection of the watch of {} was broken, and for {:?} it neither \
                         ended nor said that it works again (Driver::watch)",
                        self.key,
                        Case::PATIENCE
                    )));
                }
            }
        }
    }

    /// Takes all items for a while.
    pub(super) async fn drain(&mut self, wait: Duration) -> Outcome {
        let until = now() + wait;
        while self.item(until).await?.is_some() {}
        Ok(())
    }

    /// Drops the watch and starts another one.
    pub(super) fn restart(&mut self) {
        self.watch = self.peer.watch(&self.key);
        self.begun = false;
        self.last = None;
    }
}
