//! Watches, right and wrong.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use dsync::Result;
use dsync::driver::{Driver, Key, KeyKind, Observation, Watch};
use futures_core::Stream;

use super::connection::MutantDriver;
use super::list::Mutant;
use crate::context::is_free;

pub(super) fn watch(driver: &MutantDriver, key: &Key) -> Watch {
    let is_first = driver.own.lock().watched.insert(key.clone());
    let skips_free = match driver.mutant {
        Mutant::WatchDropsReleases => true,
        Mutant::ForgetsLockReleases => key.kind() == KeyKind::Lock,
        _ => false,
    };
    Box::pin(Tampered {
        inner: driver.inner.watch(key),
        shower: driver.translator(),
        key: key.clone(),
        skips_free,
        falls_silent: driver.has(Mutant::WatchNeverResyncs) && !is_first,
        shown: 0,
    })
}

struct Tampered {
    inner: Watch,
    shower: MutantDriver,
    key: Key,
    skips_free: bool,
    falls_silent: bool,
    shown: usize,
}

impl Stream for Tampered {
    type Item = Result<Observation>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.falls_silent && self.shown > 0 {
                return Poll::Pending;
            }
            let item = ready!(self.inner.as_mut().poll_next(context));
            let Some(Ok(Observation::Record(record))) = item else { return Poll::Ready(item) };
            self.shown += 1;
            if self.skips_free && self.shown > 1 && is_free(record.as_ref()) {
                continue;
            }
            let record = record.map(|lease| self.shower.shown(&self.key, lease));
            return Poll::Ready(Some(Ok(Observation::Record(record))));
        }
    }
}
