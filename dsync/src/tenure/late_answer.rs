//! Refuses answers that arrive too late. The record that they bring is taken into account, but no term
//! begins and no deadline moves.

use std::time::Duration;

use super::context::Context;
use super::end_of_term::Draining;
use crate::env::Instant;

/// Returns whether an acquisition for `duration`, sent at `sent`, can still begin a term.
///
/// The term counts from when the attempt was sent, so an answer after the renew deadline brings a term
/// that is over. An attempt of an earlier tenure may have asked for a shorter lease, which could expire
/// before the deadlines of this one.
pub(super) fn can_begin_a_term(ctx: &Context, sent: Instant, duration: Duration) -> bool {
    ctx.now < sent + ctx.plan.renew_deadline && duration >= ctx.plan.lease_duration
}

/// Returns whether the answer to a renewal can still extend a term that is ending.
///
/// On a voluntary end it does, so that work can take its time to stop. After a deadline or a loss it
/// comes too late: `is_active()` has been false since, and bodies are being dropped. Extending the
/// deadlines would let them go on.
pub(super) fn extends(draining: &Draining) -> bool {
    draining.renewing
}
