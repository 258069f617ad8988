//! Giving a lease up.
//!
//! 1. Send a release.
//! 2. A conflict, or an ambiguous error, leaves open whether the lease is still held: read, and
//!    send another release only if it is. A release without that check could hit the lease of a
//!    successor on a store that compares less than the whole holder.
//! 3. A lease that cannot be released in two request timeouts is left to expire. Its holder no
//!    longer renews it, so rivals wait for one lease duration at most.

use super::context::Context;
use super::event::Settled;
use super::held::{AT_ONCE, Held};
use crate::driver::{Lease, Released, Renewed, Verb};
use crate::env::Instant;
use crate::term::EndCause;
use crate::{Error, ErrorKind, Result};

/// A lease to give up: that of a term whose bodies have stopped, or one that never had a term.
#[derive(Debug)]
pub(super) struct Releasing {
    /// The record at its last known version, which a release is conditioned on.
    pub(super) lease: Lease,
    /// When the write that last acquired or renewed it was sent.
    pub(super) sent: Instant,
    /// After that it is left to expire.
    pub(super) until: Instant,
    /// When the next request is due.
    next: Instant,
    /// Whether the record is still held has to be read first.
    check: bool,
    /// Conflicts in a row.
    conflicts: u32,
    /// Why the term ended; `None` if there was none.
    pub(super) cause: Option<EndCause>,
    /// The last error, which is reported if the release is never confirmed.
    error: Option<Error>,
}

impl Releasing {
    /// A lease that was won too late, or a second time, or after the campaign stopped.
    pub(super) fn left_over(ctx: &Context, lease: Lease, sent: Instant) -> Self {
        Self {
            lease,
            sent,
            until: ctx.now + 2 * ctx.plan.request_timeout,
            next: ctx.now,
            check: false,
            conflicts: 0,
            cause: None,
            error: None,
        }
    }

    /// The lease of a term of which no body is left.
    pub(super) fn after_term(ctx: &Context, held: &Held, cause: EndCause) -> Self {
        // The renewal loop may know that the record has changed. Then the first request is the
        // read, since a release at the old version would only be refused.
        Self {
            check: held.check,
            conflicts: held.conflicts,
            cause: Some(cause),
            ..Self::left_over(ctx, held.lease.clone(), held.sent)
        }
    }

    pub(super) fn due(&self) -> (Instant, Verb) {
        (self.next, if self.check { Verb::Read } else { Verb::Release })
    }

    fn retry_at(&mut self, at: Instant, error: Error) {
        self.next = at;
        self.error = Some(error);
    }

    /// Ends the attempts to release when their time is over.
    pub(super) fn pass_time(&self, ctx: &Context) -> Option<Settled> {
        // Not while a release is in flight: its answer may be the confirmation, and the call has
        // a time limit of its own.
        if ctx.now < self.until || ctx.flight.is_some() {
            return None;
        }
        let error = self.error.clone().unwrap_or_else(|| {
            Error::ambiguous(ErrorKind::Timeout, "no answer before the lease was left to expire")
        });
        Some(Settled::Unconfirmed(error))
    }

    /// Takes the answer to a renewal that was sent while the bodies were ending.
    pub(super) fn renewed(&mut self, result: Result<Renewed>) -> Option<Settled> {
        match result {
            // Release at the version that this renewal wrote.
            Ok(Renewed::Kept(lease)) => self.lease = lease,
            Ok(Renewed::Lost(_)) => return Some(Settled::NotHeld),
            // It may have been applied, so the version is not known.
            Ok(Renewed::Conflict) | Err(_) => self.check = true,
        }
        None
    }

    /// Takes the answer to a read that shows whether the record is still held.
    pub(super) fn was_read(
        &mut self,
        ctx: &mut Context,
        result: Result<Option<Lease>>,
    ) -> Option<Settled> {
        let record = match result {
            Ok(record) => record,
            Err(error) => {
                let at = ctx.now + ctx.retry_after(&error);
                self.retry_at(at, error);
                return None;
            }
        };
        let retry = ctx.retry();
        match (record, &self.lease.holder) {
            (Some(lease), Some(holder)) if lease.is_held_by(holder) => {
                self.lease = lease;
                self.check = false;
                self.next = if self.conflicts > AT_ONCE { ctx.now + retry } else { ctx.now };
                None
            }
            // Another holder, no holder or no record: an earlier release was applied, or the lease
            // was lost. Either way nothing is left to give up.
            _ => Some(Settled::NotHeld),
        }
    }

    /// Takes the answer to a release.
    pub(super) fn released(
        &mut self,
        ctx: &mut Context,
        result: Result<Released>,
    ) -> Option<Settled> {
        let retry = ctx.retry();
        match result {
            Ok(Released::Freed) => return Some(Settled::Released),
            Ok(Released::NotHeld) => return Some(Settled::NotHeld),
            Ok(Released::Conflict) => {
                self.check = true;
                self.conflicts = self.conflicts.saturating_add(1);
                self.next = ctx.now;
            }
            // A denial will not pass in time. Any other error may, before the lease expires.
            Err(error) if error.kind() == ErrorKind::Denied => {
                return Some(Settled::Unconfirmed(error));
            }
            Err(error) => {
                // A read shows whether an ambiguous release was applied.
                self.check = error.is_ambiguous();
                let at = ctx.now + retry.max(error.retry_after().unwrap_or_default());
                self.retry_at(at, error);
            }
        }
        None
    }
}
