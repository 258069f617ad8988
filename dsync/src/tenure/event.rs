use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Acquired, Claim, Lease, Released, Renewed, Verb};
use crate::env::Instant;
use crate::term::{EndCause, Grant};
use crate::{Error, FencingToken, Result};

/// What a tenure is told.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Time has passed.
    Tick,
    /// The one call that was sent is over.
    Answered(Answer),
    /// The watch shows this record.
    Heard(Option<Lease>),
    /// The watch still works.
    Heartbeat,
    /// The watch is over.
    WatchEnded(Option<Error>),
    /// End the term and the campaign.
    Stop,
    /// End the term, and stay a candidate.
    Resign,
    /// A body panicked.
    BodyPanicked,
    /// Of the term that was cancelled no body is left. `overran`: one of them blocked its thread
    /// past the hard deadline.
    BodiesStopped { overran: bool },
    /// Somebody has already been told that the term is over, by the clock.
    Lapsed,
}

/// The outcome of a call.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Read(Result<Option<Lease>>),
    Acquire(Result<Acquired>),
    Renew(Result<Renewed>),
    Release(Result<Released>),
}

/// What a tenure wants done, in this order.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Send this, and report the answer. At most one call is under way.
    Send(Call),
    /// A term begins.
    Elect(Grant),
    /// The term goes on.
    Extend { valid_until: Instant, hard_deadline: Instant },
    /// The term is over: tell everybody who asks.
    Cancel(EndCause),
    /// Drop what the term still runs.
    DropBodies,
    /// What the term runs did not stop, although it was dropped.
    Overrun,
    /// Nothing is left of the term.
    Settle(Settled),
    /// Somebody else leads, or nobody.
    Leader(Option<Arc<str>>),
    /// The trouble changed.
    Trouble(Option<Error>),
    /// The store granted a token that is not higher than one seen before.
    TokenWentBack { granted: FencingToken, seen: FencingToken },
    /// Nothing more will come.
    Finish(Finish),
}

/// A driver call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) request: Request,
    pub(crate) timeout: Duration,
}

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
    /// It was not mine any more.
    NotHeld,
    /// The release could not be confirmed; the lease expires by itself.
    Unconfirmed(Error),
    /// It was not released, since work may still run; it expires by itself.
    Overrun,
}

/// How a tenure ended.
#[derive(Clone, Debug)]
pub(crate) enum Finish {
    /// As it was asked to, or after its one term.
    Done,
    /// With [`Mode::Try`](super::Mode::Try): somebody else holds it.
    Held,
    /// For good.
    Failed(Error),
}
