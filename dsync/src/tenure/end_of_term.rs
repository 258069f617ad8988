//! The end of a term: it is cancelled, and its bodies stop.

use super::context::Context;
use super::event::{Action, Settled};
use super::held::{Held, Lost};
use super::plan::Plan;
use super::release::Releasing;
use super::view::View;
use crate::driver::Verb;
use crate::env::Instant;
use crate::term::EndCause;

/// A term that was cancelled, while its bodies end.
///
/// 1. The term is cancelled: from now on every handle reports that it is over.
/// 2. The bodies get time to end by themselves: until the drain timeout after a voluntary end, in
///    which the lease is still renewed; until the hard deadline after the others.
/// 3. The bodies that are left are dropped.
/// 4. When no body is left, the lease is released. A body that blocks its thread past the hard
///    deadline is an overrun: the lease is not released but left to expire.
#[derive(Debug)]
pub(super) struct Draining {
    pub(super) held: Held,
    pub(super) cause: EndCause,
    /// Bodies that still run then are dropped.
    drop_at: Instant,
    /// When the bodies were dropped.
    dropped_at: Option<Instant>,
    overrun: bool,
    /// On a voluntary end the lease is renewed while bodies end.
    pub(super) renewing: bool,
    /// The record carries another holder.
    pub(super) taken: bool,
}

/// What follows when no body is left.
#[derive(Debug)]
pub(super) enum Drained {
    Release(Releasing),
    Settled(Settled),
}

/// When dropped bodies have had the time to stop: well before another candidate can acquire the
/// lease.
fn overrun_at(hard: Instant, dropped: Instant, plan: &Plan) -> Instant {
    hard.max(dropped + 2 * plan.slack())
}

impl Draining {
    /// Cancels the term of `held`.
    pub(super) fn begin(ctx: &mut Context, held: Held, cause: EndCause) -> Self {
        let voluntary =
            matches!(cause, EndCause::Stopped | EndCause::Resigned | EndCause::Panicked);
        // A voluntary end gives bodies time, since the lease is renewed in the meantime. After a
        // deadline or a loss there is no renewal, so the hard deadline is all they have.
        let drop_at = if voluntary {
            ctx.now + ctx.plan.drain_timeout
        } else {
            held.hard_deadline(&ctx.plan)
        };
        // The view is that of a holder, and is not looked at again before the record is.
        ctx.view = View::Unknown;
        // Cancelled before the leader is reported: a caller that learns that this candidate no
        // longer leads finds its term over.
        ctx.act(Action::Cancel(cause));
        ctx.report_leader();
        let (renewing, taken, overrun) = (voluntary, false, false);
        Self { held, cause, drop_at, dropped_at: None, overrun, renewing, taken }
    }

    /// The next renewal, while the lease is still renewed.
    pub(super) fn due(&self) -> Option<(Instant, Verb)> {
        self.renewing.then(|| self.held.due())
    }

    /// When the clock alone changes something.
    pub(super) fn wake(&self, plan: &Plan) -> Instant {
        let hard = self.held.hard_deadline(plan);
        let next = match self.dropped_at {
            None => self.drop_at.min(hard),
            // Only the end of a body changes anything now.
            Some(_) if self.overrun => return Instant::NEVER,
            Some(dropped) => overrun_at(hard, dropped, plan),
        };
        if self.renewing { next.min(self.held.renew_deadline(plan)) } else { next }
    }

    /// The record is held by another, empty, or gone.
    ///
    /// A second loss, found by a renewal that was sent before the first, changes only what is known
    /// of the record. The bodies are dropped at once: the lease that protected them has ended
    /// already.
    pub(super) fn lost(&mut self, ctx: &mut Context, Lost(record): Lost) {
        self.taken = record.is_some();
        self.renewing = false;
        if self.dropped_at.is_none() {
            self.drop_bodies(ctx);
        }
        ctx.view = View::Unknown;
        if record.is_some() {
            ctx.see(record);
        }
    }

    /// Drops bodies, and finds that they overran, when it is time.
    pub(super) fn pass_time(&mut self, ctx: &mut Context) {
        let hard = self.held.hard_deadline(&ctx.plan);
        // Renewals failed until the deadline of the term, so they are given up, as in the term.
        if ctx.now >= self.held.renew_deadline(&ctx.plan) {
            self.renewing = false;
        }
        match self.dropped_at {
            None if ctx.now >= self.drop_at.min(hard) => {
                // A body that does not stop now blocks its thread. Renewing for it would keep the
                // lease from every other candidate for as long as it blocks.
                self.renewing = false;
                self.drop_bodies(ctx);
            }
            Some(dropped) if ctx.now >= overrun_at(hard, dropped, &ctx.plan) && !self.overrun => {
                self.overrun = true;
                ctx.act(Action::Overrun);
            }
            _ => {}
        }
    }

    fn drop_bodies(&mut self, ctx: &mut Context) {
        // The instant is kept: a body that was dropped late, as after a suspension, still gets its
        // time to stop before it counts as an overrun.
        self.dropped_at = Some(ctx.now);
        ctx.act(Action::DropBodies);
    }

    /// No body is left.
    pub(super) fn bodies_stopped(&mut self, ctx: &mut Context, overran: bool) -> Drained {
        // The bodies may report an overrun before the clock does: a poll that returned late has
        // overrun, even if the keeper was stalled and sees it stopped.
        if overran && !self.overrun {
            self.overrun = true;
            ctx.act(Action::Overrun);
        }
        if self.overrun {
            // Another candidate may have acquired the lease while that body ran, so a release
            // could come after its acquisition. From now on this holder counts as a rival, and
            // its record expires.
            ctx.attempts.forget(&self.held.holder);
            Drained::Settled(Settled::Overrun)
        } else if self.taken {
            Drained::Settled(Settled::NotHeld)
        } else {
            Drained::Release(Releasing::after_term(ctx, &self.held, self.cause))
        }
    }
}
