//! A watch that goes through a link: it lags, falls silent, or breaks.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use dsync::driver::{Observation, Watch};
use dsync::{Error, ErrorKind, Result};
use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::history::Event;
use crate::sim::network::{Link, WatchBreak};
use crate::sim::node::Process;

type Item = Result<Observation>;

/// The items of `inner`, as they arrive through `link`.
pub(super) fn through(inner: Watch, link: &Arc<Link>, process: &Arc<Process>) -> Watch {
    Box::pin(LinkedWatch {
        inner: Some(inner),
        link: Arc::clone(link),
        process: Arc::clone(process),
        begun_after: link.watch_breaks().0,
        heals: link.heals(),
        waiting: VecDeque::new(),
        timer: None,
        over: false,
    })
}

/// The last item of a watch, if any.
struct End(Option<Item>);

struct LinkedWatch {
    inner: Option<Watch>,
    link: Arc<Link>,
    process: Arc<Process>,
    begun_after: u64,
    heals: u64,
    /// Items that are in flight.
    waiting: VecDeque<(Instant, Option<Item>)>,
    timer: Option<Pin<Box<Sleep>>>,
    over: bool,
}

impl LinkedWatch {
    fn took(&self, kind: &'static str) {
        let machine = &self.process.machine;
        machine.recorder.note(Some(machine.index), Event::Took { kind });
    }

    /// Whether the watch was broken since it began, and how.
    fn broken(&mut self) -> Option<End> {
        let (breaks, how) = self.link.watch_breaks();
        if breaks == self.begun_after {
            return None;
        }
        self.over = true;
        self.took(match how {
            WatchBreak::Closed => "watch_closed",
            WatchBreak::Compacted => "watch_compacted",
        });
        Some(match how {
            WatchBreak::Closed => End(None),
            WatchBreak::Compacted => {
                let text = "the point to go on from is gone";
                End(Some(Err(Error::definite(ErrorKind::Unavailable, text))))
            }
        })
    }

    /// Takes the items of the inner watch, with the time at which they arrive.
    fn receive(&mut self, cx: &mut Context<'_>) {
        let recorder = &self.process.machine.recorder;
        while let Some(inner) = &mut self.inner {
            let Poll::Ready(item) = inner.as_mut().poll_next(cx) else { return };
            let now = recorder.now();
            let arrives = match self.link.watch_delay(now) {
                Ok(lag) if lag.is_zero() => now,
                Ok(lag) => {
                    self.process.machine.recorder.note(
                        Some(self.process.machine.index),
                        Event::Took { kind: "watch_lagged" },
                    );
                    now + lag
                }
                Err(cut) => cut,
            };
            // Items stay in order: one that would arrive before its predecessor arrives with it. A lag
            // that ends must not let a later state overtake an earlier one, which no store does.
            let last = self.waiting.back().map(|(at, _)| *at);
            let at = recorder.instant(arrives).max(last.unwrap_or_else(|| recorder.instant(now)));
            if item.is_none() {
                self.inner = None;
            }
            self.waiting.push_back((at, item));
        }
    }
}

impl Stream for LinkedWatch {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Some(End(end)) = self.broken() {
            return Poll::Ready(end);
        }
        self.receive(cx);
        // After a heal, everything in flight arrives at once, so that the demands that follow measure
        // the core and not a lag from before.
        if self.heals != self.link.heals() {
            self.heals = self.link.heals();
            let now = crate::tasks::now();
            self.waiting.iter_mut().for_each(|(at, _)| *at = now);
        }
        loop {
            let Some((at, _)) = self.waiting.front() else { return Poll::Pending };
            let at = *at;
            if at <= crate::tasks::now() {
                self.timer = None;
                let item = self.waiting.pop_front().and_then(|(_, item)| item);
                self.over = item.is_none();
                return Poll::Ready(item);
            }
            let timer = match &mut self.timer {
                Some(timer) if timer.deadline() == at => timer,
                timer => timer.insert(Box::pin(sleep_until(at))),
            };
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
