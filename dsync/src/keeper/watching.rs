//! The watch of a keeper: started when the tenure wants it, and again after it broke.

use std::future::poll_fn;
use std::time::Duration;

use crate::Result;
use crate::driver::{Driver, Key, Observation, Watch};
use crate::env::Instant;

/// The watch, if there is one now.
#[derive(Default)]
pub(super) struct Watching {
    watch: Option<Watch>,
    /// No new watch before, since the last one broke.
    after: Instant,
}

impl Watching {
    /// Starts or drops the watch. Returns whether a watch was dropped.
    pub(super) fn tend(
        &mut self,
        wanted: bool,
        now: Instant,
        driver: &dyn Driver,
        key: &Key,
    ) -> bool {
        if !wanted {
            return self.watch.take().is_some();
        }
        if self.watch.is_none() && now >= self.after {
            self.watch = Some(driver.watch(key));
        }
        false
    }

    /// When a watch that broke is started again.
    pub(super) fn wake(&self, wanted: bool) -> Option<Instant> {
        (wanted && self.watch.is_none()).then_some(self.after)
    }

    /// The watch is over. The next one waits a retry period: a store that breaks every watch at
    /// once would otherwise be asked for new ones without a pause.
    pub(super) fn ended(&mut self, now: Instant, retry_period: Duration) {
        self.watch = None;
        self.after = now + retry_period;
    }

    /// Completes with the next observation, with an error, or with `None` when the watch ends.
    /// Without a watch it never completes.
    pub(super) async fn next(&mut self) -> Option<Result<Observation>> {
        match &mut self.watch {
            Some(watch) => poll_fn(|cx| watch.as_mut().poll_next(cx)).await,
            None => std::future::pending().await,
        }
    }
}
