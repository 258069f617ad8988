//! What a candidate says: one line of JSON each.

use std::time::Duration;

use dsync::EndCause;
use serde::{Deserialize, Serialize};

use crate::history::{Outcome, Verb, VerbName};

/// Something that happened in a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When, on the monotonic clock that all processes of the machine share.
    pub at: Duration,
    /// What.
    pub event: CandidateEvent,
}

/// What happened in a candidate. Terms, bodies, calls and operations have names that are unique
/// within the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateEvent {
    /// It begins to campaign.
    Campaigns,
    /// Its user code learns that it was elected.
    Elected {
        /// The term.
        term: u64,
        /// Its token.
        token: u64,
        /// The campaign, or the use of a lock.
        candidate: u64,
    },
    /// Its user code sees that the term is over.
    Cancelled {
        /// The term.
        term: u64,
        /// Why.
        cause: Option<Cause>,
    },
    /// A body was started.
    BodyStarted {
        /// The term.
        term: u64,
        /// The body.
        body: u64,
    },
    /// A body was polled.
    BodyPolled {
        /// The term.
        term: u64,
        /// The body.
        body: u64,
        /// What `is_active()` said within.
        active: bool,
    },
    /// A body has gone.
    BodyStopped {
        /// The term.
        term: u64,
        /// The body.
        body: u64,
    },
    /// `is_active()` was asked every few milliseconds. Answers that say nothing new are left out.
    Asked {
        /// The term.
        term: u64,
        /// The answer.
        active: bool,
    },
    /// The core called the driver.
    Called {
        /// The call.
        call: u64,
        /// The verb.
        #[serde(with = "VerbName")]
        verb: Verb,
        /// Who calls, as on the wire.
        holder: Option<String>,
    },
    /// The driver answered. `sent` is the instant of the call.
    Answered {
        /// The call.
        call: u64,
        /// The verb.
        #[serde(with = "VerbName")]
        verb: Verb,
        /// Who called, as on the wire.
        holder: Option<String>,
        /// When.
        sent: Duration,
        /// Its outcome.
        outcome: Outcome,
        /// The token, where the answer grants or shows one.
        token: Option<u64>,
    },
    /// The store shows that an acquire whose outcome was not known has been applied.
    Settled {
        /// The call.
        call: u64,
        /// Who called, as on the wire.
        holder: String,
        /// When.
        sent: Duration,
        /// The token.
        token: u64,
    },
    /// A release was handed to the driver, while the term was like this.
    Releasing {
        /// The term.
        term: u64,
        /// Whether its token was cancelled.
        cancelled: bool,
        /// How many of its bodies were still there.
        bodies: usize,
    },
    /// The trouble that it reports has changed.
    Trouble {
        /// The text of the error; `None`: it is over.
        error: Option<String>,
    },
    /// It wants the lock.
    Locks {
        /// The operation.
        op: u64,
    },
    /// It has the lock.
    Locked {
        /// The operation.
        op: u64,
        /// The token.
        token: u64,
    },
    /// It gives the lock back.
    Unlocks {
        /// The operation.
        op: u64,
        /// The token.
        token: u64,
    },
    /// It has given the lock back; `lost`: it was not its own any more.
    Unlocked {
        /// The operation.
        op: u64,
        /// Whether the lock was lost before.
        lost: bool,
    },
    /// An operation on the lock failed.
    LockFailed {
        /// The operation.
        op: u64,
        /// The text of the error.
        error: String,
    },
    /// The process stood still from `from` to now: it was stopped, or the machine was busy.
    StoodStill {
        /// Since when.
        from: Duration,
    },
    /// It has stopped in an orderly way, as requested, and ends.
    Stopped,
    /// Something that is not for the history: an error before it could begin, or what others
    /// have printed.
    Line(String),
}

/// Why a term ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// [`EndCause::Stopped`]
    Stopped,
    /// [`EndCause::Resigned`]
    Resigned,
    /// [`EndCause::Panicked`]
    Panicked,
    /// [`EndCause::Deadline`]
    Deadline,
    /// [`EndCause::Lost`]
    Lost,
}

impl Cause {
    pub(super) fn of(cause: EndCause) -> Option<Self> {
        Some(match cause {
            EndCause::Stopped => Self::Stopped,
            EndCause::Resigned => Self::Resigned,
            EndCause::Panicked => Self::Panicked,
            EndCause::Deadline => Self::Deadline,
            EndCause::Lost => Self::Lost,
            _ => return None,
        })
    }
}

impl From<Cause> for EndCause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Stopped => Self::Stopped,
            Cause::Resigned => Self::Resigned,
            Cause::Panicked => Self::Panicked,
            Cause::Deadline => Self::Deadline,
            Cause::Lost => Self::Lost,
        }
    }
}
