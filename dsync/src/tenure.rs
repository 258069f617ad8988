//! The life of one lease, as a pure state machine.
//!
//! A tenure takes events and the time of each, and returns what to do: no tokio, no I/O, no
//! clock of its own. The [keeper](crate::keeper) performs what it returns.
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
//! Each phase has a file, which owns its transitions: [`follow`], [`held`], [`drain`],
//! [`release`]. A phase changes what all share (the [`context`]) and returns how it ends; this
//! file only dispatches events and stores the next phase.
//!
//! Everything is counted from `sent`: the instant just before the last *successful conditional
//! write* was sent. Nothing else moves it, with one exception: an acquisition without an answer
//! that a read finds in the record counts from when that attempt was sent.

mod attempts;
mod context;
mod end_of_term;
mod event;
mod follow;
mod held;
mod late_answer;
mod plan;
mod release;
#[cfg(test)]
mod tests;
mod troubles;
mod view;

use std::fmt;

pub(crate) use self::context::Memory;
use self::context::{Context, Flight};
use self::end_of_term::{Drained, Draining};
pub(crate) use self::event::{Action, Answer, Call, Event, Finish, Request, Settled};
use self::follow::{Exit, Following};
use self::held::{Held, Lost, Pauses};
pub(crate) use self::plan::{Mode, Plan};
use self::release::Releasing;
use self::troubles::Change;
use self::view::View;
use crate::driver::{Lease, Renewed, Verb, WatchScope};
use crate::env::Instant;
use crate::term::EndCause;
use crate::{Error, ErrorKind, Result};

/// The life of one lease. See the [module](self).
pub(crate) struct Tenure {
    ctx: Context,
    /// Kept through all phases: what a candidate learned before its term still holds after it.
    following: Following,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Without a lease: a candidate that waits, an observer, or a waiter for a lock.
    Following,
    /// In a term.
    Leading(Held),
    /// The term was cancelled, and its bodies end. The lease is still held.
    Draining(Draining),
    /// No body is left, and the lease is given up.
    Releasing(Releasing),
    /// Nothing follows. No event changes anything.
    Done,
}

impl Tenure {
    pub(crate) fn new(
        plan: Plan,
        memory: Memory,
        random: impl FnMut() -> u64 + Send + 'static,
    ) -> Self {
        Self {
            ctx: Context::new(plan, memory, random),
            following: Following::default(),
            phase: Phase::Following,
        }
    }

    /// What the next tenure of the same key needs to know.
    pub(crate) fn into_memory(self) -> Memory {
        self.ctx.into_memory()
    }

    /// Takes one event and returns what to do about it, in order.
    pub(crate) fn step(&mut self, now: Instant, event: Event) -> Vec<Action> {
        if self.is_done() {
            return Vec::new();
        }
        self.ctx.now = now;
        // 1. The clock comes first: an answer that arrives together with the deadline, as after a
        //    suspension, must find the term over. Taken the other way round, a late renewal would
        //    extend a term that another candidate may have replaced.
        self.pass_time();
        // 2. The event.
        self.take(event);
        // 3. The clock again: an attempt that took long may bring a term whose deadline has
        //    passed.
        self.pass_time();
        // 4. The next call, under the phase that the event led to.
        self.send_what_is_due();
        let mut actions = self.ctx.take_actions();
        if let Some(Change(trouble)) = self.ctx.troubles.change() {
            // `Finish` is always the last action.
            let place = match actions.last() {
                Some(Action::Finish(_)) => actions.len() - 1,
                _ => actions.len(),
            };
            actions.insert(place, Action::Trouble(trouble));
        }
        actions
    }

    /// When to step again if no event happens before.
    pub(crate) fn wake(&self) -> Option<Instant> {
        let plan = &self.ctx.plan;
        // While a call is in flight nothing else can be sent, so only the clock of the phase
        // counts. The call has a limit of its own, at which the keeper answers it.
        let call = match self.ctx.flight {
            None => self.due().map(|(at, _)| at),
            Some(_) => None,
        };
        let clock = match &self.phase {
            Phase::Leading(held) => Some(held.renew_deadline(plan)),
            Phase::Draining(draining) => Some(draining.wake(plan)),
            Phase::Releasing(releasing) if self.ctx.flight.is_none() => Some(releasing.until),
            // A stop that waits for a read does so no longer than this.
            Phase::Following if self.ctx.stopping => self.following.stops_by(),
            _ => None,
        };
        call.into_iter().chain(clock).min().filter(|at| *at != Instant::NEVER)
    }

    /// Whether the key should be watched now.
    pub(crate) fn wants_watch(&self) -> bool {
        self.ctx.plan.watch != WatchScope::Nothing
            && match (self.ctx.plan.mode, &self.phase) {
                // `try_lock` waits for answers only, and a watch is none.
                (_, Phase::Done) | (Mode::Try, _) => false,
                // A leader watches as well: an operator who deletes its record is noticed before
                // the next renewal.
                (Mode::Campaign | Mode::Observe, _) => true,
                // An uncontended lock is worth no more than one request, so the watch starts after
                // the first answer. A view that becomes unknown again keeps a watch that works.
                (Mode::Wait, Phase::Following) => {
                    self.following.is_watched() || !matches!(self.ctx.view, View::Unknown)
                }
                (Mode::Wait, _) => false,
            }
    }

    /// The keeper dropped the watch: what it would have shown has to be read.
    pub(crate) fn unwatched(&mut self) {
        self.following.watch_ended();
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Whether a term was cancelled and its bodies have not stopped.
    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining(..))
    }

    /// Takes one event. One that means nothing in the present phase is ignored: it may be older
    /// than the last transition.
    fn take(&mut self, event: Event) {
        match event {
            Event::Tick => {}
            Event::Answered(answer) => self.answered(answer),
            Event::Observed(lease) => self.observed(lease),
            Event::Heartbeat => self.heartbeat(),
            Event::WatchEnded(error) => {
                self.following.watch_ended();
                if let Some(error) = error {
                    self.ctx.troubles.failed(Verb::Watch, &error, self.ctx.now);
                }
            }
            Event::Stop => {
                self.ctx.stopping = true;
                match self.phase {
                    Phase::Leading(_) => self.end(EndCause::Stopped),
                    // An attempt may be in flight or without an answer. The stop gives it a limited
                    // time to settle, so that no lease is left behind if that can be avoided.
                    Phase::Following => self.following.stop(&self.ctx),
                    // Draining and Releasing end in Following, which finds `stopping` set.
                    _ => {}
                }
            }
            Event::Resign => {
                if matches!(self.phase, Phase::Leading(_)) {
                    self.end(EndCause::Resigned);
                } else if let Some(Flight::Acquire(..)) = &self.ctx.flight {
                    // The race: the answer to this attempt is on its way. Without sitting out, it
                    // would make this candidate leader right after it resigned.
                    self.following.resigned(&self.ctx);
                }
            }
            Event::BodyPanicked => {
                // Counted in every phase: a body may panic while its term is draining already.
                self.following.panicked();
                self.end(EndCause::Panicked);
            }
            Event::BodiesStopped { overran } => self.bodies_stopped(overran),
            Event::Lapsed => self.end(EndCause::Deadline),
        }
    }

    /// The watch works, and shows nothing of the record.
    ///
    /// A heartbeat clears only the trouble of the watch. Unlike a record, it does not prove that
    /// the store answers requests: the server may send it from a cache.
    fn heartbeat(&mut self) {
        let began = self.following.watch_works(self.ctx.now);
        self.ctx.troubles.over(Verb::Watch);
        if began && matches!(self.phase, Phase::Following) {
            self.following.watch_began(&self.ctx);
        }
    }

    /// The watch shows the record.
    fn observed(&mut self, lease: Option<Lease>) {
        self.following.watch_works(self.ctx.now);
        self.ctx.troubles.worked(Verb::Watch);
        match &mut self.phase {
            // A follower acts on it: a release is worth an attempt at once.
            Phase::Following => self.following.observed(&mut self.ctx, lease),
            // A holder checks it by a renewal.
            Phase::Leading(held) => held.observed(&self.ctx, lease.as_ref()),
            // The lease is lost, so the record shows who leads now, although bodies still end.
            Phase::Draining(draining) if draining.taken => self.ctx.see(lease),
            Phase::Draining(draining) => draining.held.observed(&self.ctx, lease.as_ref()),
            // It may show the lease before its release, or the winner after it. The next read
            // distinguishes them.
            Phase::Releasing(_) | Phase::Done => {}
        }
    }

    /// Takes the answer to the call in flight. A call that was given up, as at the limit of a stop,
    /// is no longer in flight, and its late answer is ignored.
    ///
    /// The phase may have changed since the call was sent: a renewal that was sent in the term is
    /// answered while its bodies end, or while the lease is released. So each answer is dispatched
    /// by the phase that it finds, not by the one that sent it.
    fn answered(&mut self, answer: Answer) {
        let Some(flight) = self.ctx.flight.take() else { return };
        match (flight, answer) {
            (Flight::Read, Answer::Read(result)) => {
                self.ctx.note(Verb::Read, result.as_ref().err());
                self.was_read(result);
            }
            (Flight::Acquire(attempt, floor), Answer::Acquire(result)) => {
                self.ctx.note(Verb::Acquire, result.as_ref().err());
                let exit = self.following.acquired(&mut self.ctx, attempt, floor, result);
                self.leave(exit);
            }
            (Flight::Renew { sent }, Answer::Renew(result)) => {
                self.ctx.note(Verb::Renew, result.as_ref().err());
                self.renewed(sent, result);
            }
            // A release is only sent while Releasing, which waits for its answer.
            (Flight::Release, Answer::Release(result)) => {
                self.ctx.note(Verb::Release, result.as_ref().err());
                if let Phase::Releasing(releasing) = &mut self.phase {
                    let settled = releasing.released(&mut self.ctx, result);
                    self.settle(settled);
                }
            }
            (flight, answer) => {
                // The keeper answers what was asked, so this is a bug. It must not pass for an
                // answer of the store.
                let error = Error::ambiguous(
                    ErrorKind::Internal,
                    format!("{answer:?} does not answer {flight:?}"),
                );
                self.ctx.troubles.failed(Verb::Read, &error, self.ctx.now);
            }
        }
    }

    /// Takes the answer to a read.
    fn was_read(&mut self, result: Result<Option<Lease>>) {
        let ctx = &mut self.ctx;
        match (&mut self.phase, result) {
            (Phase::Following, result) => {
                let exit = self.following.was_read(ctx, result);
                self.leave(exit);
            }
            (Phase::Releasing(releasing), result) => {
                let settled = releasing.was_read(ctx, result);
                self.settle(settled);
            }
            (Phase::Leading(held) | Phase::Draining(Draining { held, .. }), Ok(record)) => {
                let lost = held.was_read(ctx, record);
                self.lost(lost);
            }
            // The record was not shown, so the lease counts as held until the deadline. It does not
            // move, so a store that answers no read ends the term in time.
            (Phase::Leading(held) | Phase::Draining(Draining { held, .. }), Err(error)) => {
                let at = ctx.now + ctx.retry_after(&error);
                held.retry_at(at);
            }
            (Phase::Done, _) => {}
        }
    }

    /// Takes the answer to a renewal that was sent at `sent`.
    fn renewed(&mut self, sent: Instant, result: Result<Renewed>) {
        let ctx = &mut self.ctx;
        let pauses = Pauses::draw(ctx);
        match &mut self.phase {
            Phase::Leading(held) => {
                let lost = held.renewed(ctx, sent, result, true, &pauses);
                self.lost(lost);
            }
            Phase::Draining(draining) => {
                let extends = late_answer::extends(draining);
                let lost = draining.held.renewed(ctx, sent, result, extends, &pauses);
                self.lost(lost);
            }
            Phase::Releasing(releasing) => {
                let settled = releasing.renewed(result);
                self.settle(settled);
            }
            Phase::Following | Phase::Done => {}
        }
    }

    /// Draining → Releasing, Following or Done: no body is left.
    fn bodies_stopped(&mut self, overran: bool) {
        let Phase::Draining(draining) = &mut self.phase else { return };
        match draining.bodies_stopped(&mut self.ctx, overran) {
            Drained::Release(releasing) => self.phase = Phase::Releasing(releasing),
            Drained::Settled(settled) => self.settle(Some(settled)),
        }
    }

    /// Following → Leading, Releasing or Done.
    fn leave(&mut self, exit: Option<Exit>) {
        match exit {
            Some(Exit::Lead(held)) => self.phase = Phase::Leading(held),
            Some(Exit::Release(releasing)) => self.phase = Phase::Releasing(releasing),
            Some(Exit::Finish(finish)) => self.finish(finish),
            None => {}
        }
    }

    /// Leading → Draining: the term is over for its user. Does nothing in any other phase.
    fn end(&mut self, cause: EndCause) {
        match std::mem::replace(&mut self.phase, Phase::Following) {
            Phase::Leading(held) => {
                self.phase = Phase::Draining(Draining::begin(&mut self.ctx, held, cause));
            }
            other => self.phase = other,
        }
    }

    /// Leading → Draining, because the record is held by another, empty, or gone. A term that is
    /// draining already loses its lease.
    fn lost(&mut self, lost: Option<Lost>) {
        let Some(lost) = lost else { return };
        self.end(EndCause::Lost);
        if let Phase::Draining(draining) = &mut self.phase {
            draining.lost(&mut self.ctx, lost);
        }
    }

    /// Draining or Releasing → Following or Done: nothing is left of the lease.
    fn settle(&mut self, settled: Option<Settled>) {
        let Some(settled) = settled else { return };
        let cause = match &self.phase {
            Phase::Draining(draining) => Some(draining.cause),
            Phase::Releasing(releasing) => releasing.cause,
            _ => return,
        };
        // Following comes first: `resume` may end the tenure, which is a transition from Following.
        self.phase = Phase::Following;
        if let Some(finish) = self.following.resume(&mut self.ctx, settled, cause) {
            self.finish(finish);
        }
    }

    /// Any phase → Done.
    fn finish(&mut self, finish: Finish) {
        self.phase = Phase::Done;
        self.ctx.set_leader(None);
        self.ctx.act(Action::Finish(finish));
    }

    /// Does what the clock alone decides.
    fn pass_time(&mut self) {
        let ctx = &mut self.ctx;
        match &mut self.phase {
            // The deadline does not wait for a call that is in flight.
            Phase::Leading(held) if ctx.now >= held.renew_deadline(&ctx.plan) => {
                self.end(EndCause::Deadline);
            }
            // Bodies are dropped by the clock, even if none of them ever wakes the keeper.
            Phase::Draining(draining) => draining.pass_time(ctx),
            Phase::Following if self.following.stops_by().is_some_and(|by| ctx.now >= by) => {
                // An attempt without an answer may still be applied: the next tenure looks for it.
                if let Some(Flight::Acquire(attempt, _)) = ctx.flight.take() {
                    ctx.attempts.remember(attempt);
                }
                self.finish(Finish::Done);
            }
            Phase::Releasing(releasing) => {
                let settled = releasing.pass_time(ctx);
                self.settle(settled);
            }
            _ => {}
        }
    }

    /// The next call, and when it is due. `None`: nothing to send until an event happens.
    fn due(&self) -> Option<(Instant, Verb)> {
        match &self.phase {
            Phase::Following => Some(self.following.due(&self.ctx)),
            Phase::Leading(held) => Some(held.due()),
            Phase::Draining(draining) => draining.due(),
            Phase::Releasing(releasing) => Some(releasing.due()),
            Phase::Done => None,
        }
    }

    /// Sends the next call if it is due and none is in flight.
    fn send_what_is_due(&mut self) {
        let now = self.ctx.now;
        // One call at a time. With two, a release could overtake the renewal that was sent before
        // it, and the renewal would then be refused, or on a weaker store create the record again.
        if self.ctx.flight.is_some() {
            return;
        }
        // A stop without anything to settle ends here, and not in `take`: the answer to the call in
        // flight had to come first.
        if self.ctx.stopping
            && matches!(self.phase, Phase::Following)
            && !self.following.must_settle(now)
        {
            self.finish(Finish::Done);
            return;
        }
        let Some((_, verb)) = self.due().filter(|(at, _)| *at <= now) else { return };
        // A call has no more time than what it is for: a renewal that is answered after the
        // deadline is of no use, and would hold up the release.
        let limit = match &self.phase {
            Phase::Leading(held) => held.renew_deadline(&self.ctx.plan),
            Phase::Draining(draining) => draining.held.hard_deadline(&self.ctx.plan),
            Phase::Releasing(releasing) => releasing.until,
            Phase::Following | Phase::Done => now + self.ctx.plan.request_timeout,
        };
        let timeout = self.ctx.plan.request_timeout.min(now.until(limit));
        let (flight, request) = match (verb, &self.phase) {
            (Verb::Read, _) => (Flight::Read, Request::Read),
            (Verb::Acquire, _) => self.ctx.claim(),
            (Verb::Renew, Phase::Leading(held) | Phase::Draining(Draining { held, .. })) => {
                (Flight::Renew { sent: now }, Request::Renew(held.lease.clone()))
            }
            (Verb::Release, Phase::Releasing(releasing)) => {
                let lease = releasing.lease.clone();
                // From now on the lease may be free at any instant, so it makes no second term.
                if let Some(holder) = &lease.holder {
                    self.ctx.attempts.spend(holder, releasing.sent);
                }
                (Flight::Release, Request::Release(lease))
            }
            (Verb::Renew | Verb::Release | Verb::Watch, _) => return,
        };
        self.ctx.flight = Some(flight);
        // What the watch shows from here on may be newer than the answer.
        self.following.sending();
        self.ctx.act(Action::Send(Call { request, timeout }));
    }
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenure")
            .field("phase", &self.phase)
            .field("flight", &self.ctx.flight)
            .field("view", &self.ctx.view)
            .finish_non_exhaustive()
    }
}
