//! What happens, for counters and alarms.

use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Key, Verb};
use crate::{EndCause, Error, FencingToken};

/// What [`Config::with_monitor`](crate::Config::with_monitor) takes.
pub(crate) type Monitor = Arc<dyn Fn(&MonitorEvent) + Send + Sync>;

/// One thing that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MonitorEvent {
    /// A term began.
    Elected {
        /// The lease.
        key: Key,
        /// The token of the term.
        token: FencingToken,
    },
    /// A renewal succeeded.
    Renewed {
        /// The lease.
        key: Key,
        /// The token of the term.
        token: FencingToken,
        /// How much time was left to the renew deadline when the answer came. The smaller it
        /// gets, the nearer the term was to its end.
        headroom: Duration,
    },
    /// A term is over, and everybody who asks has been told.
    Cancelled {
        /// The lease.
        key: Key,
        /// The token of the term.
        token: FencingToken,
        /// Why.
        cause: EndCause,
    },
    /// Nothing of a term is left: its work has stopped, and its lease was given up or is left to
    /// expire.
    Settled {
        /// The lease.
        key: Key,
        /// The token of the term.
        token: FencingToken,
        /// Whether the store confirmed the release.
        released: bool,
    },
    /// The work of a term did not stop by its hard deadline, although it was dropped. Somebody
    /// else may be elected while it runs.
    Overrun {
        /// The lease.
        key: Key,
        /// The token of the term.
        token: FencingToken,
    },
    /// A request is over.
    Request {
        /// The lease.
        key: Key,
        /// What was requested.
        verb: Verb,
        /// From before it queued until its answer.
        took: Duration,
        /// What went wrong.
        error: Option<Error>,
    },
    /// Something new does not work, or everything works again.
    Trouble {
        /// The lease.
        key: Key,
        /// `None`: everything works again.
        error: Option<Error>,
    },
    /// The store granted a token that is not higher than one seen before: it has lost its memory,
    /// and fencing by tokens does not protect against terms from before.
    TokenWentBack {
        /// The lease.
        key: Key,
        /// The token that was granted.
        granted: FencingToken,
        /// The highest token that was seen.
        seen: FencingToken,
    },
}
