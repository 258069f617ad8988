//! Events for metrics and alerts.

use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Key, Verb};
use crate::{EndCause, Error, FencingToken};

/// The function that [`Config::with_monitor`](crate::Config::with_monitor) sets.
pub(crate) type Monitor = Arc<dyn Fn(&MonitorEvent) + Send + Sync>;

/// An event in the life of an election or a lock, for metrics and alerts. See
/// [`Config::with_monitor`](crate::Config::with_monitor).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// A term began.
    Elected {
        /// The election or lock.
        key: Key,
        /// The token of the term.
        token: FencingToken,
    },
    /// A renewal succeeded.
    Renewed {
        /// The election or lock.
        key: Key,
        /// The token of the term.
        token: FencingToken,
        /// The time that was left to the renew deadline when the answer arrived. A small value
        /// means that the term nearly ended.
        headroom: Duration,
    },
    /// A term ended, and every handle now reports it.
    Cancelled {
        /// The election or lock.
        key: Key,
        /// The token of the term.
        token: FencingToken,
        /// Why it ended.
        cause: EndCause,
    },
    /// Nothing is left of a term: its work has stopped, and its lease was released or is left to
    /// expire.
    Settled {
        /// The election or lock.
        key: Key,
        /// The token of the term.
        token: FencingToken,
        /// Whether the store confirmed the release.
        released: bool,
    },
    /// The work of a term did not stop by its hard deadline, although it was dropped. Another
    /// candidate may be elected while it runs.
    Overrun {
        /// The election or lock.
        key: Key,
        /// The token of the term.
        token: FencingToken,
    },
    /// A request was answered or timed out.
    Request {
        /// The election or lock.
        key: Key,
        /// The request.
        verb: Verb,
        /// How long it took, including the time it queued before it was sent.
        took: Duration,
        /// The error, if it failed.
        error: Option<Error>,
    },
    /// Requests began to fail, failed in another way, or succeed again.
    Trouble {
        /// The election or lock.
        key: Key,
        /// The error. `None` if requests succeed again.
        error: Option<Error>,
    },
    /// The store granted a token that is not higher than one seen before. It has lost its counter,
    /// so fencing does not protect against terms from before the loss.
    TokenWentBack {
        /// The election or lock.
        key: Key,
        /// The token that was granted.
        granted: FencingToken,
        /// The highest token that was seen.
        seen: FencingToken,
    },
}
