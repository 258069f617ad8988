//! Holding the lease: renewing it, ending the term, giving it up.

use std::time::Duration;

use super::follow::TRIES;
use super::{
    Action, EndCause, Error, ErrorKind, Finish, Holder, Instant, Lease, Mode, Phase, Plan,
    Released, Renewed, Result, Settled, Tenure, Verb, View,
};

/// So many conflicts in a row are answered at once; then one in a retry period, since a record
/// that changes faster than it can be read does not stop doing so for our haste.
const AT_ONCE: u32 = 4;

/// A lease that is mine.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) holder: Holder,
    /// The record as it was last told.
    pub(super) lease: Lease,
    /// The instant just before the last successful conditional write was sent.
    pub(super) sent: Instant,
    renew_at: Instant,
    /// The record changed: read it before anything else.
    check: bool,
    /// Since the last renewal.
    conflicts: u32,
}

/// The deadlines count with my own duration, so that is what a renewal asks for, whatever
/// somebody wrote into the record.
fn lasting(lease: Lease, plan: &Plan) -> Lease {
    Lease { duration: Some(plan.lease_duration), ..lease }
}

impl Held {
    pub(super) fn new(
        holder: Holder,
        lease: Lease,
        sent: Instant,
        plan: &Plan,
        jitter: Duration,
    ) -> Self {
        let renew_at = sent + plan.renew_period.saturating_sub(jitter);
        let lease = lasting(lease, plan);
        Self { holder, lease, sent, renew_at, check: false, conflicts: 0 }
    }

    pub(super) fn due(&self) -> (Instant, Verb) {
        (self.renew_at, if self.check { Verb::Read } else { Verb::Renew })
    }

    pub(super) fn retry_at(&mut self, at: Instant) {
        self.renew_at = at;
    }

    /// The watch shows that the record is mine, or that it is not. It may lag, so a renewal finds
    /// out, and no more than one in a retry period.
    pub(super) fn hear(&mut self, now: Instant, mine: bool, plan: &Plan) {
        if !mine {
            self.renew_at = self.renew_at.min(now.max(self.sent + plan.retry_period));
        }
    }
}

/// When what was dropped has had the time to stop: well before the lease is somebody else's.
fn overrun_at(hard: Instant, dropped: Instant, plan: &Plan) -> Instant {
    hard.max(dropped + 2 * plan.slack())
}

/// A term that was cancelled, while its bodies end.
#[derive(Debug)]
pub(super) struct Drain {
    cause: EndCause,
    /// What still runs then is dropped.
    drop_at: Instant,
    /// When it was.
    dropped_at: Option<Instant>,
    overrun: bool,
    /// On a voluntary end the lease is kept while bodies end.
    pub(super) renewing: bool,
    /// The record carries somebody else.
    taken: bool,
}

impl Drain {
    /// Whether the record carries somebody else.
    pub(super) fn is_taken(&self) -> bool {
        self.taken
    }

    pub(super) fn wake(&self, held: &Held, plan: &Plan) -> Instant {
        let hard = held.sent + plan.hard_deadline;
        let next = match self.dropped_at {
            None => self.drop_at.min(hard),
            // Only the bodies can bring news.
            Some(_) if self.overrun => return Instant::NEVER,
            Some(dropped) => overrun_at(hard, dropped, plan),
        };
        if self.renewing { next.min(held.sent + plan.renew_deadline) } else { next }
    }
}

/// A lease to give up.
#[derive(Debug)]
pub(super) struct Releasing {
    pub(super) lease: Lease,
    pub(super) sent: Instant,
    /// After that it is left to expire.
    pub(super) until: Instant,
    next: Instant,
    check: bool,
    conflicts: u32,
    /// Why the term ended; `None` if there was none.
    cause: Option<EndCause>,
    error: Option<Error>,
}

impl Releasing {
    /// A lease that was won too late, or twice, or without being wanted any more.
    pub(super) fn left_over(lease: Lease, sent: Instant, now: Instant, plan: &Plan) -> Self {
        let until = now + 2 * plan.request_timeout;
        Self { lease, sent, until, next: now, check: false, conflicts: 0, cause: None, error: None }
    }

    pub(super) fn due(&self) -> (Instant, Verb) {
        (self.next, if self.check { Verb::Read } else { Verb::Release })
    }

    pub(super) fn retry_at(&mut self, at: Instant, error: Error) {
        self.next = at;
        self.error = Some(error);
    }

    pub(super) fn last_error(&self) -> Error {
        self.error.clone().unwrap_or_else(|| {
            Error::ambiguous(ErrorKind::Timeout, "no answer before the lease was left to expire")
        })
    }
}

impl Tenure {
    pub(super) fn renewed(
        &mut self,
        now: Instant,
        sent: Instant,
        result: Result<Renewed>,
        out: &mut Vec<Action>,
    ) {
        let retry = self.retry();
        let jitter = self.random_below(self.plan.renew_period / 10);
        match &result {
            Ok(_) => self.troubles.worked(Verb::Renew),
            Err(error) => self.troubles.failed(Verb::Renew, error, now),
        }
        let (held, extends) = match &mut self.phase {
            Phase::Leading(held) => (held, true),
            Phase::Draining(held, drain) => {
                let extends = drain.renewing;
                (held, extends)
            }
            Phase::Releasing(releasing) => {
                // It was sent while bodies were ending.
                match result {
                    Ok(Renewed::Kept(lease)) => releasing.lease = lease,
                    Ok(Renewed::Lost(_)) => self.settle(now, Settled::NotHeld, out),
                    Ok(Renewed::Conflict) | Err(_) => releasing.check = true,
                }
                return;
            }
            Phase::Following | Phase::Done => return,
        };
        match result {
            Ok(Renewed::Kept(lease)) => {
                held.lease = lasting(lease, &self.plan);
                held.check = false;
                held.conflicts = 0;
                // An answer that comes when the term is over does not bring it back.
                if extends {
                    held.sent = sent;
                    held.renew_at = sent + self.plan.renew_period.saturating_sub(jitter);
                    out.push(Action::Extend {
                        valid_until: sent + self.plan.renew_deadline,
                        hard_deadline: sent + self.plan.hard_deadline,
                    });
                }
            }
            Ok(Renewed::Lost(record)) => self.lost(now, record, out),
            Ok(Renewed::Conflict) => {
                held.check = true;
                held.conflicts = held.conflicts.saturating_add(1);
                held.renew_at = now;
            }
            Err(error) => {
                held.renew_at = now + retry.max(error.retry_after().unwrap_or_default());
            }
        }
    }

    /// The record was read because it had changed.
    pub(super) fn was_read_holding(
        &mut self,
        now: Instant,
        record: Option<Lease>,
        out: &mut Vec<Action>,
    ) {
        let retry = self.retry();
        let (Phase::Leading(held) | Phase::Draining(held, _)) = &mut self.phase else { return };
        match record {
            Some(lease) if lease.is_held_by(&held.holder) => {
                // Somebody edited something else. Go on at the new version; the deadlines stay
                // where they are until a write succeeds.
                held.lease = lasting(lease, &self.plan);
                held.check = false;
                held.renew_at = if held.conflicts > AT_ONCE { now + retry } else { now };
            }
            record => self.lost(now, record, out),
        }
    }

    pub(super) fn was_read_releasing(
        &mut self,
        now: Instant,
        record: Option<Lease>,
        out: &mut Vec<Action>,
    ) {
        let retry = self.retry();
        let Phase::Releasing(releasing) = &mut self.phase else { return };
        match (record, &releasing.lease.holder) {
            (Some(lease), Some(holder)) if lease.is_held_by(holder) => {
                releasing.lease = lease;
                releasing.check = false;
                releasing.next = if releasing.conflicts > AT_ONCE { now + retry } else { now };
            }
            _ => self.settle(now, Settled::NotHeld, out),
        }
    }

    /// The record is not mine any more.
    fn lost(&mut self, now: Instant, record: Option<Lease>, out: &mut Vec<Action>) {
        let told = record.is_some();
        self.end(now, EndCause::Lost, out);
        if let Phase::Draining(_, drain) = &mut self.phase {
            drain.taken = told;
            drain.renewing = false;
            if drain.dropped_at.is_none() {
                drain.dropped_at = Some(now);
                out.push(Action::DropBodies);
            }
        }
        self.view = View::Unknown;
        if told {
            self.see(now, record, out);
        }
    }

    /// The term is over for its user. The rest of its end follows when its bodies have stopped.
    pub(super) fn end(&mut self, now: Instant, cause: EndCause, out: &mut Vec<Action>) {
        let held = match std::mem::replace(&mut self.phase, Phase::Following) {
            Phase::Leading(held) => held,
            other => {
                self.phase = other;
                return;
            }
        };
        let voluntary =
            matches!(cause, EndCause::Stopped | EndCause::Resigned | EndCause::Panicked);
        let drop_at = if voluntary {
            now + self.plan.drain_timeout
        } else {
            held.sent + self.plan.hard_deadline
        };
        let drain = Drain {
            cause,
            drop_at,
            dropped_at: None,
            overrun: false,
            renewing: voluntary,
            taken: false,
        };
        self.phase = Phase::Draining(held, drain);
        self.view = View::Unknown;
        out.push(Action::Cancel(cause));
        self.report_leader(now, out);
    }

    /// What time does to a term whose bodies are ending.
    pub(super) fn drain(&mut self, now: Instant, out: &mut Vec<Action>) {
        let Phase::Draining(held, drain) = &mut self.phase else { return };
        let hard = held.sent + self.plan.hard_deadline;
        if now >= held.sent + self.plan.renew_deadline {
            drain.renewing = false;
        }
        match drain.dropped_at {
            None if now >= drain.drop_at.min(hard) => {
                // What does not stop even now blocks its thread, and is not renewed for.
                drain.renewing = false;
                drain.dropped_at = Some(now);
                out.push(Action::DropBodies);
            }
            Some(dropped) if now >= overrun_at(hard, dropped, &self.plan) && !drain.overrun => {
                drain.overrun = true;
                out.push(Action::Overrun);
            }
            _ => {}
        }
    }

    pub(super) fn bodies_stopped(&mut self, now: Instant, overran: bool, out: &mut Vec<Action>) {
        let Phase::Draining(held, drain) = &mut self.phase else { return };
        if overran && !drain.overrun {
            drain.overrun = true;
            out.push(Action::Overrun);
        }
        if drain.overrun {
            // The lease may have been somebody else's while that work ran. Nobody looks for this
            // holder any more; what is left of it expires.
            let holder = held.holder.clone();
            self.attempts.forget(&holder);
            self.settle(now, Settled::Overrun, out);
        } else if drain.taken {
            self.settle(now, Settled::NotHeld, out);
        } else {
            let releasing = Releasing {
                lease: held.lease.clone(),
                sent: held.sent,
                until: now + 2 * self.plan.request_timeout,
                next: now,
                check: held.check,
                conflicts: held.conflicts,
                cause: Some(drain.cause),
                error: None,
            };
            self.phase = Phase::Releasing(releasing);
        }
    }

    pub(super) fn released(
        &mut self,
        now: Instant,
        result: Result<Released>,
        out: &mut Vec<Action>,
    ) {
        let retry = self.retry();
        match &result {
            Ok(_) => self.troubles.worked(Verb::Release),
            Err(error) => self.troubles.failed(Verb::Release, error, now),
        }
        let Phase::Releasing(releasing) = &mut self.phase else { return };
        match result {
            Ok(Released::Freed) => self.settle(now, Settled::Released, out),
            Ok(Released::NotHeld) => self.settle(now, Settled::NotHeld, out),
            Ok(Released::Conflict) => {
                releasing.check = true;
                releasing.conflicts = releasing.conflicts.saturating_add(1);
                releasing.next = now;
            }
            // Denied is denied; the rest may pass before the lease is left to expire.
            Err(error) if error.kind() == ErrorKind::Denied => {
                self.settle(now, Settled::Unconfirmed(error), out);
            }
            Err(error) => {
                // Whether it was applied is for a read to say.
                releasing.check = error.is_ambiguous();
                releasing.retry_at(now + retry.max(error.retry_after().unwrap_or_default()), error);
            }
        }
    }

    /// Nothing is left of the term, or of a lease that never was one.
    pub(super) fn settle(&mut self, now: Instant, settled: Settled, out: &mut Vec<Action>) {
        let (cause, had_term) = match &self.phase {
            Phase::Draining(_, drain) => (drain.cause, true),
            Phase::Releasing(releasing) => {
                (releasing.cause.unwrap_or(EndCause::Lost), releasing.cause.is_some())
            }
            _ => return,
        };
        self.earlier = self.view.sighting().or(self.earlier.take());
        let error = match &settled {
            Settled::Unconfirmed(error) => Some(error.clone()),
            _ => None,
        };
        let clean = matches!(settled, Settled::Released);
        if had_term {
            out.push(Action::Settle(settled));
        }
        if !matches!(self.view, View::Held { .. }) || !had_term {
            self.view = View::Unknown;
        }
        self.phase = Phase::Following;
        if had_term {
            self.following.resume(now, cause, &self.plan);
            self.following.left_overs = 0;
        } else {
            self.following.left_overs = self.following.left_overs.saturating_add(1);
            // What could not be given back, or is there again although it was, is seen again at
            // once; take it slowly.
            if !clean || self.following.left_overs > 1 {
                let retry = self.retry();
                self.following.wait_until(now + retry);
            }
            if self.plan.mode == Mode::Try && self.following.left_overs >= TRIES && !self.stopping {
                self.finish(Finish::Held, out);
                return;
            }
        }
        if self.stopping || (had_term && matches!(self.plan.mode, Mode::Wait | Mode::Try)) {
            self.finish(Finish::Done, out);
            return;
        }
        if let Some(error) = error {
            self.give_up(now, Verb::Release, &error, out);
        } else if let Some(error) = self.troubles.denial(Verb::Renew) {
            self.give_up(now, Verb::Renew, &error, out);
        }
    }
}
