//! The life of one lease, as a pure state machine.
//!
//! A tenure is told what happened and what time it is, and says what to do: no tokio, no I/O, no
//! clock of its own. The [keeper](crate::keeper) does what it says.
//!
//! ```text
//!               Won in time, or an unanswered attempt found in the record
//!   Following ────────────────────────────────────────────────────▶ Leading
//!       ▲                                                              │ deadline, loss,
//!       │                                                              │ stop, resign, panic
//!       │   released, or not to be released                            ▼
//!   Releasing ◀──────────────────────────────────────────────────── Draining
//!       │        no body of the term is left
//!       ▼
//!     Done      after a stop, after the one term of a lock, or for good
//! ```
//!
//! Everything is counted from `sent`: the instant just before the last *successful conditional
//! write* was sent. Nothing else moves it, with one exception: an acquisition without an answer
//! that a read finds in the record counts from when that attempt was sent.

mod attempts;
mod event;
mod follow;
mod hold;
mod plan;
#[cfg(test)]
mod tests;
mod troubles;
mod view;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::attempts::Attempt;
pub(crate) use self::attempts::Attempts;
pub(crate) use self::event::{Action, Answer, Call, Event, Finish, Grant, Request, Settled};
use self::follow::Following;
use self::hold::{Drain, Held, Releasing};
pub(crate) use self::plan::{Mode, Plan};
use self::troubles::{Change, Troubles};
pub(crate) use self::view::Sighting;
use self::view::View;
use crate::driver::{
    Acquired, Claim, Expiry, Holder, Lease, Nonce, Released, Renewed, Verb, WatchScope,
};
use crate::env::Instant;
use crate::term::EndCause;
use crate::{Error, ErrorKind, FencingToken, Result};

/// What an earlier tenure of the same key knew, and the next one needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) sighting: Option<Sighting>,
    pub(crate) attempts: Attempts,
    pub(crate) token_floor: FencingToken,
}

/// The life of one lease. See the [module](self).
pub(crate) struct Tenure {
    plan: Plan,
    phase: Phase,
    flight: Option<Flight>,
    view: View,
    earlier: Option<Sighting>,
    attempts: Attempts,
    troubles: Troubles,
    token_floor: FencingToken,
    leader: Option<Arc<str>>,
    following: Following,
    stopping: bool,
    random: Box<dyn FnMut() -> u64 + Send>,
}

enum Phase {
    Following,
    Leading(Held),
    Draining(Held, Drain),
    Releasing(Releasing),
    Done,
}

/// The one call under way.
#[derive(Debug)]
enum Flight {
    Read,
    /// With the highest token that was seen before it was sent.
    Acquire(Attempt, FencingToken),
    Renew {
        sent: Instant,
    },
    Release,
}

impl Tenure {
    pub(crate) fn new(
        plan: Plan,
        memory: Memory,
        random: impl FnMut() -> u64 + Send + 'static,
    ) -> Self {
        Self {
            plan,
            phase: Phase::Following,
            flight: None,
            view: View::Unknown,
            earlier: memory.sighting,
            attempts: memory.attempts,
            troubles: Troubles::default(),
            token_floor: memory.token_floor,
            leader: None,
            following: Following::default(),
            stopping: false,
            random: Box::new(random),
        }
    }

    /// What the next tenure of the same key needs to know.
    pub(crate) fn into_memory(self) -> Memory {
        Memory {
            sighting: self.view.sighting().or(self.earlier),
            attempts: self.attempts,
            token_floor: self.token_floor,
        }
    }

    /// Takes one event and says what to do about it.
    pub(crate) fn step(&mut self, now: Instant, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        if self.is_done() {
            return out;
        }
        // What the clock says comes first, so that no event can revive what is over, and once
        // more at the end, since an event may bring a deadline that has passed.
        self.pass_time(now, &mut out);
        self.take(now, event, &mut out);
        self.pass_time(now, &mut out);
        self.send_what_is_due(now, &mut out);
        if let Some(Change(trouble)) = self.troubles.change() {
            // The end for good is the last that is ever said.
            let place = match out.last() {
                Some(Action::Finish(_)) => out.len() - 1,
                _ => out.len(),
            };
            out.insert(place, Action::Trouble(trouble));
        }
        out
    }

    /// When to step again if nothing happens before.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let call = match self.flight {
            None => self.due().map(|(at, _)| at),
            Some(_) => None,
        };
        let clock = match &self.phase {
            Phase::Leading(held) => Some(held.sent + self.plan.renew_deadline),
            Phase::Draining(held, drain) => Some(drain.wake(held, &self.plan)),
            Phase::Releasing(releasing) if self.flight.is_none() => Some(releasing.until),
            Phase::Following if self.stopping => self.following.stops_by(),
            _ => None,
        };
        call.into_iter().chain(clock).min().filter(|at| *at != Instant::NEVER)
    }

    /// Whether the key should be watched now.
    pub(crate) fn wants_watch(&self) -> bool {
        self.plan.watch != WatchScope::Nothing
            && match (self.plan.mode, &self.phase) {
                (_, Phase::Done) | (Mode::Try, _) => false,
                (Mode::Campaign | Mode::Observe, _) => true,
                // An uncontended lock is worth no more than one request.
                (Mode::Wait, Phase::Following) => {
                    self.following.is_watched() || !matches!(self.view, View::Unknown)
                }
                (Mode::Wait, _) => false,
            }
    }

    /// The watch was dropped: what it would have told has to be looked for.
    pub(crate) fn unwatched(&mut self) {
        self.following.watch_ended();
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether a term was cancelled and its bodies are waited for.
    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining(..))
    }

    fn take(&mut self, now: Instant, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Tick => {}
            Event::Answered(answer) => self.answered(now, answer, out),
            Event::Heard(lease) => self.heard(now, lease, out),
            Event::Heartbeat => self.heard_nothing(now),
            Event::WatchEnded(error) => {
                self.following.watch_ended();
                if let Some(error) = error {
                    self.troubles.failed(Verb::Watch, &error, now);
                }
            }
            Event::Stop => self.stop(now, out),
            Event::Resign => {
                if matches!(self.phase, Phase::Leading(_)) {
                    self.end(now, EndCause::Resigned, out);
                } else if let Some(Flight::Acquire(..)) = &self.flight {
                    // The answer may still make us leader of what we have just given up.
                    self.following.sit_out_until(now + self.plan.lease_duration);
                }
            }
            Event::BodyPanicked => {
                self.following.panicked();
                if matches!(self.phase, Phase::Leading(_)) {
                    self.end(now, EndCause::Panicked, out);
                }
            }
            Event::BodiesStopped { overran } => self.bodies_stopped(now, overran, out),
            Event::Lapsed => {
                if matches!(self.phase, Phase::Leading(_)) {
                    self.end(now, EndCause::Deadline, out);
                }
            }
        }
    }

    fn answered(&mut self, now: Instant, answer: Answer, out: &mut Vec<Action>) {
        let Some(flight) = self.flight.take() else { return };
        match (flight, answer) {
            (Flight::Read, Answer::Read(result)) => self.was_read(now, result, out),
            (Flight::Acquire(attempt, floor), Answer::Acquire(result)) => {
                self.acquired(now, attempt, floor, result, out);
            }
            (Flight::Renew { sent }, Answer::Renew(result)) => {
                self.renewed(now, sent, result, out);
            }
            (Flight::Release, Answer::Release(result)) => self.released(now, result, out),
            (flight, answer) => {
                // The keeper answers what was asked, so this is a bug; it must not look like an
                // answer of the store.
                let error = Error::ambiguous(
                    ErrorKind::Internal,
                    format!("{answer:?} does not answer {flight:?}"),
                );
                self.troubles.failed(Verb::Read, &error, now);
            }
        }
    }

    /// Takes the record as somebody told it. `proven`: by a read or the answer to a write, not by
    /// the watch, which may lag.
    fn see(&mut self, now: Instant, lease: Option<Lease>, out: &mut Vec<Action>) {
        if let Some(lease) = &lease {
            self.token_floor = self.token_floor.max(lease.fencing_token);
        }
        let before = std::mem::take(&mut self.view);
        self.view = before.after(
            lease,
            now,
            self.plan.expiry,
            self.plan.lease_duration,
            self.plan.release_keeps_record,
            self.earlier.as_ref(),
        );
        self.earlier = None;
        self.report_leader(now, out);
    }

    fn report_leader(&mut self, now: Instant, out: &mut Vec<Action>) {
        let leader = match (&self.phase, &self.view) {
            (Phase::Leading(held), _) => Some(held.holder.instance()),
            (_, View::Held { lease, expires_at, .. })
                if self.plan.expiry == Expiry::Backend || now < *expires_at =>
            {
                // What is mine without a term was left over, and nobody leads by it.
                let left_over = self.attempts.find(lease).is_some();
                lease.holder.as_ref().filter(|_| !left_over).map(Holder::instance)
            }
            _ => None,
        };
        if leader != self.leader.as_deref() {
            self.leader = leader.map(Arc::from);
            out.push(Action::Leader(self.leader.clone()));
        }
    }

    fn stop(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.stopping = true;
        match self.phase {
            Phase::Leading(_) => self.end(now, EndCause::Stopped, out),
            Phase::Following => self.following.stop_by(now + 2 * self.plan.request_timeout),
            _ => {}
        }
    }

    fn finish(&mut self, finish: Finish, out: &mut Vec<Action>) {
        self.phase = Phase::Done;
        if self.leader.take().is_some() {
            out.push(Action::Leader(None));
        }
        out.push(Action::Finish(finish));
    }

    fn pass_time(&mut self, now: Instant, out: &mut Vec<Action>) {
        match &self.phase {
            Phase::Leading(held) if now >= held.sent + self.plan.renew_deadline => {
                self.end(now, EndCause::Deadline, out);
            }
            Phase::Draining(..) => self.drain(now, out),
            Phase::Following if self.following.stops_by().is_some_and(|by| now >= by) => {
                // Whatever has no answer by now may still turn up: the next tenure looks for it.
                if let Some(Flight::Acquire(attempt, _)) = self.flight.take() {
                    self.attempts.remember(attempt);
                }
                self.finish(Finish::Done, out);
            }
            Phase::Releasing(releasing) if now >= releasing.until && self.flight.is_none() => {
                let error = releasing.last_error();
                self.settle(now, Settled::Unconfirmed(error), out);
            }
            _ => {}
        }
    }

    /// The next call, and when it is due. `None`: nothing to send until something happens.
    fn due(&self) -> Option<(Instant, Verb)> {
        match &self.phase {
            Phase::Following => Some(self.due_following()),
            Phase::Leading(held) => Some(held.due()),
            Phase::Draining(held, drain) => drain.renewing.then(|| held.due()),
            Phase::Releasing(releasing) => Some(releasing.due()),
            Phase::Done => None,
        }
    }

    fn send_what_is_due(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.flight.is_some() {
            return;
        }
        if self.stopping && matches!(self.phase, Phase::Following) && !self.must_settle(now) {
            self.finish(Finish::Done, out);
            return;
        }
        let Some((_, verb)) = self.due().filter(|(at, _)| *at <= now) else { return };
        let limit = match &self.phase {
            Phase::Leading(held) => held.sent + self.plan.renew_deadline,
            Phase::Draining(held, _) => held.sent + self.plan.hard_deadline,
            Phase::Releasing(releasing) => releasing.until,
            Phase::Following | Phase::Done => now + self.plan.request_timeout,
        };
        let timeout = self.plan.request_timeout.min(now.until(limit));
        let (flight, request) = match (verb, &self.phase) {
            (Verb::Read, _) => (Flight::Read, Request::Read),
            (Verb::Acquire, _) => self.claim(now),
            (Verb::Renew, Phase::Leading(held) | Phase::Draining(held, _)) => {
                (Flight::Renew { sent: now }, Request::Renew(held.lease.clone()))
            }
            (Verb::Release, Phase::Releasing(releasing)) => {
                let lease = releasing.lease.clone();
                if let Some(holder) = &lease.holder {
                    self.attempts.spend(holder, releasing.sent);
                }
                (Flight::Release, Request::Release(lease))
            }
            (Verb::Renew | Verb::Release | Verb::Watch, _) => return,
        };
        self.flight = Some(flight);
        self.following.sending();
        out.push(Action::Send(Call { request, timeout }));
    }

    /// A claim with a holder of its own, conditioned on what was seen of the record.
    fn claim(&mut self, now: Instant) -> (Flight, Request) {
        let holder = Holder::new(&self.plan.instance, Nonce::new((self.random)()));
        let seen = match &self.view {
            View::Held { .. } if self.plan.expiry == Expiry::Backend => None,
            view => view.lease().map(|lease| lease.version.clone()),
        };
        let claim = Claim::new(holder.clone(), self.plan.lease_duration)
            .with_take_over(seen.clone())
            .with_token_floor(self.token_floor);
        let conditioned_on = match self.plan.expiry {
            Expiry::Observer => seen,
            Expiry::Backend => None,
        };
        let duration = self.plan.lease_duration;
        let attempt = Attempt { holder, sent: now, duration, conditioned_on, spent: false };
        (Flight::Acquire(attempt, self.token_floor), Request::Acquire(claim))
    }

    /// The retry period, shortened by up to a quarter.
    fn retry(&mut self) -> Duration {
        let retry = self.plan.retry_period;
        retry.saturating_sub(self.random_below(retry / 4))
    }

    fn random_below(&mut self, limit: Duration) -> Duration {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        if nanos == 0 {
            return Duration::ZERO;
        }
        Duration::from_nanos((self.random)() % nanos)
    }
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Following => "following",
            Phase::Leading(_) => "leading",
            Phase::Draining(..) => "draining",
            Phase::Releasing(_) => "releasing",
            Phase::Done => "done",
        };
        f.debug_struct("Tenure")
            .field("phase", &phase)
            .field("flight", &self.flight)
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}
