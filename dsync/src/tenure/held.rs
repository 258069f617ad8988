//! A lease that this candidate holds, and its renewal.
//!
//! 1. Renew when a renew period has passed since `sent`, conditioned on the last known version.
//! 2. A success moves `sent`, and with it both deadlines. Nothing else does.
//! 3. A conflict means that the record changed, but maybe not its holder: read it, then renew at
//!    the version that was read.
//! 4. An error leaves everything where it is. The next try follows after a retry period, and the
//!    term ends at its deadline if none succeeds.

use std::time::Duration;

use super::context::Context;
use super::event::Action;
use super::plan::Plan;
use crate::Result;
use crate::driver::{Holder, Lease, Renewed, Verb};
use crate::env::Instant;

/// So many conflicts in a row are answered at once, and from then on one in a retry period: a
/// record that changes faster than it can be read does not settle by being read more often.
pub(super) const AT_ONCE: u32 = 4;

/// A lease that this candidate holds: in its term, and while the bodies of the term end.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) holder: Holder,
    /// The record as it was last seen.
    pub(super) lease: Lease,
    /// The instant just before the last successful conditional write was sent. All deadlines
    /// count from here.
    pub(super) sent: Instant,
    /// When the next request is due: a renewal, or a read if `check` is set.
    renew_at: Instant,
    /// The record changed: read it before the next renewal.
    pub(super) check: bool,
    /// Conflicts since the last renewal.
    pub(super) conflicts: u32,
}

/// The pauses that may follow a renewal.
///
/// They are drawn for every answer, in every phase. The numbers that a run draws then depend on its
/// events alone, so a recorded schedule replays with the same pauses.
#[derive(Debug)]
pub(super) struct Pauses {
    /// Before the next try after an error.
    pub(super) retry: Duration,
    /// Before the next renewal after a success.
    pub(super) renew: Duration,
}

/// The record is held by another, empty, or gone. It is `Some` where the answer showed it.
#[derive(Debug)]
pub(super) struct Lost(pub(super) Option<Lease>);

/// The lease as the next renewal asks for it. The deadlines count with the candidate's own
/// duration, so a renewal asks for that, even if another program wrote a shorter one into the
/// record.
fn lasting(lease: Lease, plan: &Plan) -> Lease {
    Lease { duration: Some(plan.lease_duration), ..lease }
}

impl Pauses {
    pub(super) fn draw(ctx: &mut Context) -> Self {
        Self { retry: ctx.retry(), renew: ctx.renew_pause() }
    }
}

impl Held {
    pub(super) fn new(ctx: &mut Context, holder: Holder, lease: Lease, sent: Instant) -> Self {
        let renew_at = sent + ctx.renew_pause();
        let lease = lasting(lease, &ctx.plan);
        Self { holder, lease, sent, renew_at, check: false, conflicts: 0 }
    }

    /// When the term ends unless a renewal succeeds.
    pub(super) fn renew_deadline(&self, plan: &Plan) -> Instant {
        self.sent + plan.renew_deadline
    }

    /// When bodies that still run are dropped. The lease is held a margin longer.
    pub(super) fn hard_deadline(&self, plan: &Plan) -> Instant {
        self.sent + plan.hard_deadline
    }

    /// The next request, and when it is due.
    pub(super) fn due(&self) -> (Instant, Verb) {
        (self.renew_at, if self.check { Verb::Read } else { Verb::Renew })
    }

    pub(super) fn retry_at(&mut self, at: Instant) {
        self.renew_at = at;
    }

    /// Takes note of what the watch shows of the record.
    ///
    /// The watch may lag, so what it shows proves nothing: it could be the state before the last
    /// renewal. A renewal finds out, and no more than one in a retry period, or a watch that
    /// repeats itself would cause a request for each event.
    pub(super) fn observed(&mut self, ctx: &Context, lease: Option<&Lease>) {
        if !lease.is_some_and(|lease| lease.is_held_by(&self.holder)) {
            self.renew_at = self.renew_at.min(ctx.now.max(self.sent + ctx.plan.retry_period));
        }
    }

    /// Takes the answer to a renewal that was sent at `sent`. `extends`: the term goes on, or its
    /// bodies may still use the lease; without it, a success no longer moves the deadlines.
    pub(super) fn renewed(
        &mut self,
        ctx: &mut Context,
        sent: Instant,
        result: Result<Renewed>,
        extends: bool,
        pauses: &Pauses,
    ) -> Option<Lost> {
        match result {
            Ok(Renewed::Kept(lease)) => {
                self.lease = lasting(lease, &ctx.plan);
                self.check = false;
                self.conflicts = 0;
                // The deadlines count from `sent`, not from `now`: the store counts from when the
                // request arrived, which may have been right after it was sent. Counted from the
                // answer, a slow answer would push the deadline past the end of the lease.
                //
                // An answer that arrives after the end of the term does not extend it again.
                if extends {
                    self.sent = sent;
                    self.renew_at = sent + pauses.renew;
                    ctx.act(Action::Extend {
                        valid_until: self.renew_deadline(&ctx.plan),
                        hard_deadline: self.hard_deadline(&ctx.plan),
                    });
                }
                None
            }
            Ok(Renewed::Lost(record)) => Some(Lost(record)),
            Ok(Renewed::Conflict) => {
                // Read at once: until the version is known, no renewal can succeed, and the
                // deadline approaches.
                self.check = true;
                self.conflicts = self.conflicts.saturating_add(1);
                self.renew_at = ctx.now;
                None
            }
            Err(error) => {
                self.renew_at = ctx.now + pauses.retry.max(error.retry_after().unwrap_or_default());
                None
            }
        }
    }

    /// Takes a record that was read because it had changed.
    pub(super) fn was_read(&mut self, ctx: &mut Context, record: Option<Lease>) -> Option<Lost> {
        let retry = ctx.retry();
        match record {
            Some(lease) if lease.is_held_by(&self.holder) => {
                // Another program edited the record. Renew at its new version. The deadlines stay
                // where they are: a read proves that the lease was held when it was answered, and
                // nothing about how long it will last.
                self.lease = lasting(lease, &ctx.plan);
                self.check = false;
                self.renew_at = if self.conflicts > AT_ONCE { ctx.now + retry } else { ctx.now };
                None
            }
            record => Some(Lost(record)),
        }
    }
}
