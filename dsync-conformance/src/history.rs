//! What happened in a run, as the checkers and the timelines need it.
//!
//! All instants are on the one clock of the run (in tiers S1 and S2 the virtual one, in tier R the
//! monotonic clock of the machine), counted from its start. The clocks of the nodes are recorded
//! beside it, so that a deadline on a node's clock can be placed on that of the run.

mod losses;
mod terms;
pub(crate) mod unsettled;

use std::time::Duration;

use dsync::EndCause;
use dsync::driver::Holder;
pub use dsync::driver::Verb;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use self::losses::{FAILED_OVER, Loss, UNDONE};

/// A point on the clock of the run.
pub type At = Duration;

/// Everything that was recorded, in the order in which it happened.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The keys that were used. An event names one by its index.
    pub keys: Vec<KeyInfo>,
    /// The nodes. An event names one by its index.
    pub nodes: Vec<NodeInfo>,
    /// What happened.
    pub entries: Vec<Entry>,
    /// When faults had ended for good and the run began to demand progress; `None`: it did not.
    pub healed_at: Option<At>,
    /// When the run was over.
    pub ended_at: At,
    /// The timing of the candidates.
    pub timing: Timing,
    /// Why the run ended before it was over: it proves nothing.
    pub broken: Option<String>,
    /// Whether a follower is notified of changes; otherwise it has to read.
    pub watched: bool,
    /// What was demanded after the last fault had healed, and how it went.
    pub demands: Vec<Demand>,
}

/// Progress that was demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The rule that demands it.
    pub rule: &'static str,
    /// What, for people.
    pub what: String,
    /// When the time began to count.
    pub from: At,
    /// How long it took; `None`: it did not happen in time.
    pub took: Option<Duration>,
    /// How long it may take.
    pub bound: Duration,
    /// By whom; `None`: by anybody.
    pub node: Option<usize>,
}

/// The durations that rules are judged by, on the clock of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The lease duration.
    pub lease: Duration,
    /// The renew deadline.
    pub renew_deadline: Duration,
    /// The hard deadline: past it, bodies are not polled any more.
    pub hard_deadline: Duration,
    /// The renew period.
    pub renew_period: Duration,
    /// The retry period.
    pub retry_period: Duration,
    /// The request timeout.
    pub request_timeout: Duration,
    /// How late a lease may expire at the store.
    pub max_expiry_lag: Duration,
}

/// A key of the run.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// As shown to people.
    pub name: String,
    /// Whether it is a lock; else it is an election.
    pub is_lock: bool,
}

/// A node of the run: one replica.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    /// Its instance name.
    pub name: String,
    /// Its clock: from `at` on it reads `local` and runs at `rate`. In the order of `at`.
    pub clock: Vec<Segment>,
    /// When it was paused or suspended; `None` as the end: to the end of the run.
    pub asleep: Vec<(At, Option<At>)>,
}

/// A piece of a node's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// From then on, on the clock of the run.
    pub at: At,
    /// What the node's clock reads then.
    pub local: Duration,
    /// How many seconds it counts in one second of the run.
    pub rate: f64,
}

impl History {
    /// Whether the clock of a node ran at another rate than that of the run.
    #[must_use]
    pub fn has_drift(&self) -> bool {
        let mut pieces = self.nodes.iter().flat_map(|node| &node.clock);
        pieces.any(|piece| (piece.rate - 1.0).abs() > f64::EPSILON)
    }
}

impl NodeInfo {
    /// What the node's clock reads at `at`.
    #[must_use]
    pub fn local(&self, at: At) -> Duration {
        let segment = self.clock.iter().rev().find(|segment| segment.at <= at);
        segment.map_or(at, |segment| {
            segment.local + at.saturating_sub(segment.at).mul_f64(segment.rate)
        })
    }

    /// When the node's clock, which reads something earlier at `from`, comes to read `local`.
    #[must_use]
    pub fn when(&self, local: Duration, from: At) -> At {
        let start = self.clock.iter().rposition(|segment| segment.at <= from).unwrap_or(0);
        for (index, segment) in self.clock.iter().enumerate().skip(start) {
            let begins = segment.at.max(from);
            let reads = segment.local + begins.saturating_sub(segment.at).mul_f64(segment.rate);
            if reads >= local {
                return begins;
            }
            let reaches = begins + local.saturating_sub(reads).div_f64(segment.rate);
            match self.clock.get(index + 1) {
                Some(next) if next.at <= reaches => {}
                _ => return reaches,
            }
        }
        from.max(local)
    }

    /// Whether the node stood still at some time in `from..to`.
    #[must_use]
    pub fn slept_within(&self, from: At, to: At) -> bool {
        self.asleep.iter().any(|(begin, end)| *begin < to && end.is_none_or(|end| end > from))
    }

    /// How long the node stood still within `from..to`.
    #[must_use]
    pub fn slept_for(&self, from: At, to: At) -> Duration {
        let overlap = |(begin, end): &(At, Option<At>)| {
            let end = end.unwrap_or(to).min(to);
            end.saturating_sub((*begin).max(from))
        };
        self.asleep.iter().map(overlap).sum()
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: At,
    /// To which node; `None`: to the store or to the run as a whole.
    pub node: Option<usize>,
    /// What.
    pub event: Event,
}

/// Reads and writes a [`Verb`] by its name.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Verb", rename_all = "snake_case")]
pub(crate) enum VerbName {
    Read,
    Acquire,
    Renew,
    Release,
    Watch,
}

impl VerbName {
    /// Writes a verb that may be left out.
    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for this form"
    )]
    pub(crate) fn write<S: Serializer>(verb: &Option<Verb>, to: S) -> Result<S::Ok, S::Error> {
        verb.map(Verb::name).serialize(to)
    }

    /// Reads a verb that may be left out.
    pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Verb>, D::Error> {
        #[derive(Deserialize)]
        struct Named(#[serde(with = "VerbName")] Verb);
        Ok(Option::<Named>::deserialize(from)?.map(|Named(verb)| verb))
    }
}

/// What a write or a read came to, at the store or at the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// `Acquired::Won`, with the token.
    Won(u64),
    /// `Acquired::Held`.
    Held,
    /// `Renewed::Kept`.
    Kept,
    /// `Renewed::Lost`.
    Lost,
    /// `Released::Freed`.
    Released,
    /// `Released::NotHeld`.
    NotHeld,
    /// `Renewed::Conflict` or `Released::Conflict`.
    Conflict,
    /// A read that found this holder's nonce (`true`), or not.
    Read,
    /// A definite error.
    Refused,
    /// An ambiguous error.
    Ambiguous,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The core called the driver.
    Called {
        /// Names the call.
        call: u64,
        /// The key.
        key: usize,
        /// The verb.
        verb: Verb,
        /// Who calls, where the call says it.
        holder: Option<Holder>,
    },
    /// The store answered a call (or one more delivery of it). It was applied, if at all, between
    /// `sent` and the instant of the entry.
    Stored {
        /// The call.
        call: u64,
        /// The key.
        key: usize,
        /// The verb.
        verb: Verb,
        /// Who called.
        holder: Option<Holder>,
        /// When it was sent to the store.
        sent: At,
        /// Its outcome.
        outcome: Outcome,
    },
    /// The core got the answer. A call without one was given up.
    Answered {
        /// The call.
        call: u64,
        /// The outcome as the core saw it.
        outcome: Outcome,
        /// The token, where the answer grants or shows one.
        token: Option<u64>,
    },
    /// User code learns that a term has begun. `term` names it within the run.
    Elected {
        /// Names the term.
        term: u64,
        /// The key.
        key: usize,
        /// Its token.
        token: u64,
        /// Names the campaign, or the use of a lock, that it belongs to.
        candidate: u64,
    },
    /// User code sees that the term's token is cancelled.
    Cancelled {
        /// The term.
        term: u64,
        /// Why.
        cause: Option<EndCause>,
    },
    /// A body of the term was started.
    BodyStarted {
        /// The term.
        term: u64,
        /// Names the body.
        body: u64,
    },
    /// A body was polled.
    BodyPolled {
        /// The term.
        term: u64,
        /// The body.
        body: u64,
        /// What `is_active()` said within the poll.
        active: bool,
    },
    /// A body has gone: it returned, or was dropped.
    BodyStopped {
        /// The term.
        term: u64,
        /// The body.
        body: u64,
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
    /// User code asked `is_active()` outside any body, also in the first moment after a pause.
    Asked {
        /// The term.
        term: u64,
        /// The answer.
        active: bool,
    },
    /// The register that tokens guard was written to by a term.
    Register {
        /// The key.
        key: usize,
        /// The token of the writer.
        token: u64,
        /// Whether it was accepted.
        accepted: bool,
    },
    /// User code began something with a lock.
    LockCalled {
        /// Names the operation.
        op: u64,
        /// The key.
        key: usize,
        /// What.
        what: LockCall,
    },
    /// … and got this.
    LockReturned {
        /// The operation.
        op: u64,
        /// What.
        what: LockReturn,
    },
    /// The trouble that a campaign reports changed.
    Trouble {
        /// The key.
        key: usize,
        /// The text of the error; `None`: it is over.
        error: Option<String>,
    },
    /// Something was made to go wrong.
    Fault {
        /// Of which kind, such as `lost_answer`.
        kind: &'static str,
        /// For people.
        text: String,
    },
    /// A fault took effect: a request was lost, an answer was late.
    Took {
        /// Of which kind.
        kind: &'static str,
    },
    /// The store forgot what it knew of a key, or everything (`None`).
    RecordLoss {
        /// The key.
        key: Option<usize>,
        /// How.
        kind: &'static str,
    },
    /// The node began to be, or came back.
    Started,
    /// User code on the node begins to campaign, for the first time or again.
    Campaigns,
    /// The node was killed: nothing of it runs any more.
    Killed,
    /// The node stands still.
    Paused,
    /// It goes on.
    Resumed,
    /// The core does the same again and again without any time passing. On a virtual clock it would
    /// do so for ever, so it was held up.
    Endless {
        /// What it does.
        what: &'static str,
    },
    /// For a while nothing happens: what a campaign costs at rest is counted.
    Rest {
        /// Whether that while begins; else it ends.
        begins: bool,
    },
    /// A task of dsync's or of a user's panicked, which no schedule asked for.
    TaskPanicked,
    /// Something else for people.
    Note(String),
}

/// What user code does with a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockCall {
    /// `lock()`, `lock_timeout()` or `try_lock()`.
    Lock {
        /// Whether it may wait for another holder.
        waits: bool,
    },
    /// `unlock()` of the guard with this token.
    Unlock(u64),
    /// The drop of the guard with this token.
    Drop(u64),
}

/// Its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockReturn {
    /// The guard has this token.
    Locked(u64),
    /// It was not to be had, or not in time.
    NotLocked,
    /// The future was dropped before it was done.
    GaveUp,
    /// Unlocked.
    Unlocked,
    /// The guard was lost before.
    Lost,
    /// An error whose outcome is unknown.
    Unknown(String),
}

/// One term, put together from the history.
#[derive(Clone, Debug)]
pub struct Term {
    /// Names it within the run.
    pub term: u64,
    /// Whose it was.
    pub node: usize,
    /// Of which key.
    pub key: usize,
    /// Its token.
    pub token: u64,
    /// Its acquisition was applied at the store within these two instants; the same instant twice
    /// where it is known exactly. `None`: the store was never seen to grant it.
    pub granted: Option<(At, At)>,
    /// User code heard of it.
    pub elected_at: At,
    /// User code heard that it is over.
    pub cancelled_at: Option<At>,
    /// Why.
    pub cause: Option<EndCause>,
    /// Its process was killed, which ended it.
    pub killed: bool,
    /// Its last body had gone, after it was cancelled. Without bodies: `cancelled_at`.
    pub stopped_at: Option<At>,
    /// The instant on the clock of the run when the last write that succeeded was sent.
    pub sent: At,
    /// `min(sent + renew deadline, cancelled_at)`, on the clock of the run.
    pub valid_until: At,
    /// `sent + renew deadline` on the clock of the run.
    pub deadline: At,
    /// `sent + hard deadline` on the clock of the run.
    pub hard_deadline: At,
    /// The store forgot its record while it went on, or before the next grant.
    pub lost: bool,
}
