use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Acquired, Claim, Lease, Released, Renewed, Verb};
use crate::env::Instant;
use crate::term::{EndCause, Grant};
use crate::{Error, FencingToken, Result};

/// An event that the keeper reports to the tenure.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Time has passed.
    Tick,
    /// The one call in flight was answered or timed out.
    Answered(Answer),
    /// The watch reported this record, or that there is none.
    Observed(Option<Lease>),
    /// The watch still works.
    Heartbeat,
    /// The watch ended.
    WatchEnded(Option<Error>),
    /// End the term and the campaign.
    Stop,
    /// End the term, and stay a candidate.
    Resign,
    /// A body panicked.
    BodyPanicked,
    /// No body is left of the term that was cancelled. `overran`: one of them blocked its thread
    /// past the hard deadline.
    BodiesStopped { overran: bool },
    /// A caller has already seen the term end, by the clock, before its extension was applied.
    Lapsed,
}

/// The outcome of a call, by its verb. A call that timed out has an error for an answer, so every
/// call has exactly one.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Read(Result<Option<Lease>>),
    Acquire(Result<Acquired>),
    Renew(Result<Renewed>),
    Release(Result<Released>),
}

/// What the keeper has to do, in the order of the list that a step returns.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Send this call and report the answer. At most one call is in flight.
    Send(Call),
    /// A term begins.
    Elect(Grant),
    /// The term continues until these deadlines.
    Extend { valid_until: Instant, hard_deadline: Instant },
    /// End the term for every handle.
    Cancel(EndCause),
    /// Drop the bodies that still run.
    DropBodies,
    /// A body did not stop by the hard deadline, although it was dropped.
    Overrun,
    /// Nothing is left of the term.
    Settle(Settled),
    /// The leader changed. `None`: there is none, or it is not known.
    Leader(Option<Arc<str>>),
    /// Requests fail in another way than before. `None`: they succeed again.
    Trouble(Option<Error>),
    /// The store granted a token that is not higher than one seen before.
    TokenWentBack { granted: FencingToken, seen: FencingToken },
    /// The tenure ended. This is its last action.
    Finish(Finish),
}

/// A driver call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) request: Request,
    pub(crate) timeout: Duration,
}

/// What is sent to the driver.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Read,
    Acquire(Claim),
    Renew(Lease),
    Release(Lease),
}

impl Request {
    pub(crate) fn verb(&self) -> Verb {
        match self {
            Self::Read => Verb::Read,
            Self::Acquire(_) => Verb::Acquire,
            Self::Renew(_) => Verb::Renew,
            Self::Release(_) => Verb::Release,
        }
    }
}

/// How the lease of a term ended.
#[derive(Clone, Debug)]
pub(crate) enum Settled {
    /// It was released.
    Released,
    /// Another holder had it, or none.
    NotHeld,
    /// The release could not be confirmed; the lease expires by itself.
    Unconfirmed(Error),
    /// It was not released, since work may still run. It expires by itself.
    Overrun,
}

/// How a tenure ended.
#[derive(Clone, Debug)]
pub(crate) enum Finish {
    /// After a stop, or after its one term.
    Done,
    /// With [`Mode::Try`](super::Mode::Try): another holder has it.
    Held,
    /// With an error that does not pass.
    Failed(Error),
}
