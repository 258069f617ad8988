use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Lease;
use crate::Result;

/// The stream that [`Driver::watch`](super::Driver::watch) returns. It is over after an error,
/// or when it ends.
pub type Watch = Pin<Box<dyn Stream<Item = Result<Observation>> + Send>>;

/// One event of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The record, as the store last reported it. `None` if there is no record.
    Record(Option<Lease>),
    /// The watch works, and nothing changed: a bookmark, a progress notice, a ping.
    Heartbeat,
}

impl Observation {
    /// Returns a watch that never reports anything, for stores with
    /// [`WatchScope::Nothing`](super::WatchScope::Nothing).
    #[must_use]
    pub fn silence() -> Watch {
        struct Silence;
        impl Stream for Silence {
            type Item = Result<Observation>;
            fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                Poll::Pending
            }
        }
        Box::pin(Silence)
    }
}
