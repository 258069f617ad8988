use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Lease;
use crate::Result;

/// What [`Driver::watch`](super::Driver::watch) returns. After an error, or when it ends, the
/// watch is over.
pub type Watch = Pin<Box<dyn Stream<Item = Result<Observation>> + Send>>;

/// One thing heard of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The record, as the store last told it. `None`: there is no record.
    Record(Option<Lease>),
    /// Nothing changed, and the watch still works: a bookmark, a progress notice, a ping.
    Heartbeat,
}

impl Observation {
    /// A watch that never says anything, for stores with
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
