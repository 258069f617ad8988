//! Waiting for the lease to become free, and acquiring it.
//!
//! An acquisition, from top to bottom of this file:
//!
//! 1. [`due`](Following::due) says when the next request is due, and which: a read or an attempt.
//! 2. [`observed`](Following::observed) handles the records that the watch reports in the meantime.
//! 3. [`acquired`](Following::acquired) takes the answer to an attempt, and
//!    [`was_read`](Following::was_read) that to a read. Both show the record as the store has it,
//!    which is [`proven`](Following::proven).
//! 4. [`lead_or_release`](Following::lead_or_release) begins the term, if the lease was acquired
//!    in time.
//! 5. [`resume`](Following::resume) returns here when nothing is left of the term.

mod backoff;
mod not_before;
mod watch_health;

use self::backoff::Backoff;
use self::not_before::NotBefore;
use self::watch_health::WatchHealth;
use super::attempts::Attempt;
use super::context::{Context, Flight};
use super::event::{Action, Finish, Settled};
use super::held::Held;
use super::late_answer;
use super::plan::Mode;
use super::release::Releasing;
use super::view::View;
use crate::driver::{Acquired, Expiry, Lease, Verb, WatchScope};
use crate::env::Instant;
use crate::term::{EndCause, Grant};
use crate::{Error, ErrorKind, FencingToken, Result};

/// How often `try_lock` tries to get an answer that shows who holds the lock.
const TRIES: u32 = 3;
/// A campaign ends when a verb was denied for this many lease durations. It does not end at once,
/// since a server that is just starting denies everything.
const DENIED_FOR: u32 = 4;

/// What a candidate that does not lead keeps in mind, from one term to the next.
#[derive(Debug, Default)]
pub(super) struct Following {
    backoff: Backoff,
    health: WatchHealth,
    not_before: NotBefore,
    /// Only a read can show whether an attempt of this candidate is in the record.
    unsettled: bool,
}

/// How a candidate stops following.
#[derive(Debug)]
pub(super) enum Exit {
    /// It leads.
    Lead(Held),
    /// It holds a lease that it does not want.
    Release(Releasing),
    /// The tenure ends.
    Finish(Finish),
}

impl Following {
    /// The next request, and when it is due.
    pub(super) fn due(&self, ctx: &Context) -> (Instant, Verb) {
        let not_before = &self.not_before;
        // 1. A stop, and an attempt without an answer, are settled by a read and by nothing else.
        //    Another attempt could create a second record of this candidate.
        if ctx.stopping || self.unsettled {
            return (not_before.read, Verb::Read);
        }
        // 2. An observer reads.
        if ctx.plan.mode == Mode::Observe {
            let look_at = not_before.look_at.unwrap_or_else(|| self.observer_reads_at(ctx));
            return (look_at.max(not_before.read), Verb::Read);
        }
        // 3. A candidate tries when the lease is free, and reads if it should look before.
        let try_at = not_before.acquisition(self.free_at(ctx));
        let look_at = match (not_before.look_at, self.health.is_healthy()) {
            (Some(at), _) => Some(at),
            (None, false) if !matches!(ctx.view, View::Unknown) => Some(not_before.poll_at),
            // An attempt shows the record as well as a read does, so an unknown record is not
            // read first.
            (None, _) => None,
        }
        .map(|at| at.max(not_before.read));
        match look_at {
            Some(at) if at <= try_at && ctx.plan.mode != Mode::Try => (at, Verb::Read),
            Some(at) if not_before.look_at.is_some() => (at, Verb::Read),
            _ => (try_at, Verb::Acquire),
        }
    }

    /// When the lease is worth an attempt, by what is known of the record.
    fn free_at(&self, ctx: &Context) -> Instant {
        match &ctx.view {
            // An attempt costs as much as a read, and may win.
            View::Unknown => Instant::EPOCH,
            // Candidates that lost a race draw a delay, so that a hundred of them do not repeat it.
            View::Absent { free_at } => *free_at + self.backoff.delay,
            View::Vacant { since, .. } => *since + self.backoff.delay,
            // The watch shows when the record goes away, so there is no timer for it. An attempt
            // before that would be refused by every follower once per lease.
            View::Held { .. } if self.watch_shows_expiry(ctx) => self.silent_at(ctx),
            View::Held { expires_at, .. } => *expires_at + self.backoff.delay,
        }
    }

    /// Whether the watch shows when the record of a dead holder goes away.
    fn watch_shows_expiry(&self, ctx: &Context) -> bool {
        ctx.plan.expiry == Expiry::Backend
            && ctx.plan.watch == WatchScope::Changes
            && self.health.is_healthy()
    }

    /// When a silent watch is no longer trusted, and one request is worth its cost.
    fn silent_at(&self, ctx: &Context) -> Instant {
        // A holder renews several times in its lease duration, and each renewal is an event. A
        // watch that showed none in that time is broken without having noticed it, or the holder is
        // dead.
        let theirs = ctx.view.lease().and_then(|lease| lease.duration).unwrap_or_default();
        let last = self.health.last_heard.max(self.health.last_look);
        last + theirs.max(ctx.plan.lease_duration)
    }

    fn observer_reads_at(&self, ctx: &Context) -> Instant {
        match &ctx.view {
            View::Unknown => Instant::EPOCH,
            _ if !self.health.is_healthy() => self.not_before.poll_at,
            // A holder that stops renewing causes no event, so read when its time is up.
            View::Held { expires_at, .. }
                if ctx.plan.expiry == Expiry::Observer && *expires_at > self.health.last_look =>
            {
                *expires_at
            }
            _ => self.silent_at(ctx),
        }
    }

    /// A call is sent, in any phase.
    pub(super) fn sending(&mut self) {
        self.health.sending();
    }

    /// Takes note that the watch works, in any phase. Returns whether it has just begun to.
    pub(super) fn watch_works(&mut self, now: Instant) -> bool {
        self.health.alive(now)
    }

    pub(super) fn watch_ended(&mut self) {
        self.health.ended();
    }

    pub(super) fn is_watched(&self) -> bool {
        self.health.is_healthy()
    }

    /// The watch has begun to work, and has not shown the record.
    pub(super) fn watch_began(&mut self, ctx: &Context) {
        // Events that occurred before the watch was established are lost, so read the record
        // once. The read has to be sent after this instant: the answer to a call that is already
        // in flight may be older than the watch, and a release between the two would go unnoticed
        // until the lease expires.
        if ctx.flight.is_some() {
            self.health.began = true;
        } else if !matches!(ctx.view, View::Unknown) {
            self.not_before.look_at = Some(ctx.now);
        }
    }

    /// Handles a record that the watch reported.
    pub(super) fn observed(&mut self, ctx: &mut Context, lease: Option<Lease>) {
        // 1. A watch that lags repeats the state at which the last attempt was refused. A second
        //    attempt at it would be refused again.
        if lease.as_ref().is_some_and(|lease| self.health.is_behind(lease)) {
            return;
        }
        // 2. A call is in flight: its answer and this event may have crossed.
        if ctx.flight.is_some() {
            self.health.keep(lease.as_ref());
        }
        // 3. The record has a new state, so there is nothing left to wait for.
        self.not_before.look_at = None;
        self.not_before.quiet = Instant::EPOCH;
        // 4. An attempt of this candidate shows up. The watch may lag behind its release, so only
        //    a read proves that it still holds.
        if lease.as_ref().is_some_and(|lease| ctx.attempts.find(lease).is_some()) {
            self.unsettled = true;
        }
        ctx.see(lease);
        self.saw(ctx);
    }

    /// Draws conclusions from a new view of the record.
    fn saw(&mut self, ctx: &mut Context) {
        self.backoff.delay = ctx.random_below(self.backoff.window());
        // An attempt in flight counts as well: the watch may show its record before its answer
        // arrives, and a candidate must not take itself for the rival that it sits out for.
        let is_own = ctx.view.lease().is_some_and(|lease| {
            ctx.attempts.find(lease).is_some()
                || matches!(&ctx.flight, Some(Flight::Acquire(attempt, _))
                    if lease.is_held_by(&attempt.holder))
        });
        if let View::Held { expires_at, .. } = &ctx.view
            && !is_own
            && ctx.now < *expires_at
        {
            // Another candidate has won, which is what sitting out was for.
            self.not_before.sit_out = None;
        }
    }

    /// Takes the answer to an attempt. `floor`: the highest token that was seen before it was
    /// sent.
    pub(super) fn acquired(
        &mut self,
        ctx: &mut Context,
        attempt: Attempt,
        floor: FencingToken,
        result: Result<Acquired>,
    ) -> Option<Exit> {
        self.backoff.tries += 1;
        match result {
            Ok(Acquired::Won(lease)) => {
                self.backoff.won();
                // Compare with what was seen before the attempt was sent. What the watch showed
                // since may be this very acquisition.
                let (granted, seen) = (lease.fencing_token, floor);
                if granted <= seen {
                    ctx.act(Action::TokenWentBack { granted, seen });
                }
                Some(self.lead_or_release(ctx, lease, attempt))
            }
            Ok(Acquired::Held(record)) => self.refused(ctx, attempt, record),
            Err(error) => self.acquire_failed(ctx, attempt, error),
        }
    }

    /// The lease was not free, or had another version.
    fn refused(
        &mut self,
        ctx: &mut Context,
        attempt: Attempt,
        record: Option<Lease>,
    ) -> Option<Exit> {
        if !matches!(ctx.view, View::Unknown) {
            self.backoff.lost_race();
        }
        // From now on the watch is behind while it shows the version that was tried.
        self.health.refused = attempt.conditioned_on;
        let retry = ctx.retry();
        self.not_before.poll_at = ctx.now + retry;
        if record.is_some() {
            return self.proven(ctx, record);
        }
        // The answer did not show the winner. A watch that works shows it soon, unless it already
        // has while the attempt was in flight.
        ctx.forget_view();
        self.not_before.quiet = ctx.now + retry;
        let is_shown = self.health.take_any();
        let is_coming = self.health.is_healthy() && !is_shown;
        self.not_before.look_at = Some(if is_coming { ctx.now + retry } else { ctx.now });
        None
    }

    fn acquire_failed(
        &mut self,
        ctx: &mut Context,
        attempt: Attempt,
        error: Error,
    ) -> Option<Exit> {
        self.not_before.acquire = ctx.now + ctx.retry_after(&error);
        if error.is_ambiguous() {
            // The attempt may still be applied, so it is looked for from now on.
            ctx.attempts.remember(attempt);
            self.unsettled = true;
        }
        if let Some(finish) = gives_up(ctx, Verb::Acquire, &error) {
            return Some(Exit::Finish(finish));
        }
        // `try_lock` returns the error. After an ambiguous one it reads first: the lock may have
        // been acquired, and has to be returned or released.
        let settles = error.is_ambiguous() && self.backoff.tries < TRIES;
        (ctx.plan.mode == Mode::Try && !settles && !ctx.stopping)
            .then(|| Exit::Finish(Finish::Failed(error)))
    }

    /// Takes the answer to a read.
    pub(super) fn was_read(
        &mut self,
        ctx: &mut Context,
        result: Result<Option<Lease>>,
    ) -> Option<Exit> {
        match result {
            Ok(record) => self.proven(ctx, record),
            Err(error) => {
                self.not_before.read = ctx.now + ctx.retry_after(&error);
                if let Some(finish) = gives_up(ctx, Verb::Read, &error) {
                    return Some(Exit::Finish(finish));
                }
                (ctx.plan.mode == Mode::Try && !ctx.stopping)
                    .then(|| Exit::Finish(Finish::Failed(error)))
            }
        }
    }

    /// Takes a record that the store itself showed, by a read or by refusing an attempt.
    fn proven(&mut self, ctx: &mut Context, record: Option<Lease>) -> Option<Exit> {
        // 1. The watch showed another state while the call was in flight. It is not known which
        //    of the two is newer, but a read that is sent now is newer than both.
        let retry = ctx.retry();
        let in_doubt = self.health.take_doubt(record.as_ref());
        self.health.last_look = ctx.now;
        self.health.refused = None;
        self.not_before.poll_at = ctx.now + retry;
        self.not_before.look_at = in_doubt.then_some(ctx.now);
        // 2. The record settles the attempts without an answer, as far as it can.
        self.unsettled = false;
        ctx.attempts.settle(record.as_ref());
        ctx.see(record.clone());
        self.saw(ctx);
        // 3. The record carries one of those attempts: the lease is this candidate's. If it has
        //    expired without a release, it is taken over like the lease of a rival.
        if let Some(lease) = record
            && let Some(attempt) = ctx.attempts.find(&lease).cloned()
        {
            let expired = match &ctx.view {
                View::Held { expires_at, .. } => {
                    ctx.plan.expiry == Expiry::Observer && ctx.now >= *expires_at
                }
                _ => false,
            };
            if !expired {
                return Some(self.lead_or_release(ctx, lease, attempt));
            }
        }
        // 4. `try_lock` has its answer.
        if ctx.plan.mode == Mode::Try && !ctx.stopping {
            let is_held = match &ctx.view {
                View::Held { expires_at, .. } => {
                    ctx.plan.expiry == Expiry::Backend || ctx.now < *expires_at
                }
                View::Absent { free_at } => ctx.now < *free_at,
                View::Vacant { .. } | View::Unknown => false,
            };
            if is_held || self.backoff.tries >= TRIES {
                return Some(Exit::Finish(Finish::Held));
            }
            // The lock is free, so try again at once, even if the last error asked for a pause.
            self.not_before.acquire = Instant::EPOCH;
        }
        None
    }

    /// The lease is held by this candidate, by an answer or by a read that found an attempt.
    /// Begins a term, or gives the lease back.
    fn lead_or_release(&mut self, ctx: &mut Context, lease: Lease, attempt: Attempt) -> Exit {
        let Attempt { holder, sent, duration, spent, .. } = attempt;
        // 1. An answer that arrives too late begins no term.
        let in_time = late_answer::can_begin_a_term(ctx, sent, duration);
        // 2. A nonce has one term at most. Otherwise a read that was answered before the release
        //    of that term could begin a second one with the same token.
        ctx.attempts.spend(&holder, sent);
        self.unsettled = false;
        self.not_before.look_at = None;
        self.health.refused = None;
        if !(self.wants_term(ctx) && in_time && !spent) {
            ctx.see(Some(lease.clone()));
            return Exit::Release(Releasing::left_over(ctx, lease, sent));
        }
        // 3. The term begins before the leader is reported, so that a handle that is woken by the
        //    report finds the term.
        self.not_before.sit_out = None;
        let token = lease.fencing_token;
        let held = Held::new(ctx, holder.clone(), lease.clone(), sent);
        ctx.act(Action::Elect(Grant {
            holder,
            token,
            valid_until: held.renew_deadline(&ctx.plan),
            hard_deadline: held.hard_deadline(&ctx.plan),
            slack: ctx.plan.slack(),
        }));
        ctx.see_own(lease);
        Exit::Lead(held)
    }

    fn wants_term(&self, ctx: &Context) -> bool {
        !ctx.stopping && ctx.plan.mode != Mode::Observe && !self.not_before.is_sitting_out(ctx.now)
    }

    /// A resignation while an attempt is in flight: its answer may still bring the leadership
    /// that was just given up.
    pub(super) fn resigned(&mut self, ctx: &Context) {
        self.not_before.sit_out = Some(ctx.now + ctx.plan.lease_duration);
    }

    pub(super) fn panicked(&mut self) {
        self.backoff.panicked();
    }

    /// Stops within two request timeouts, settled or not.
    pub(super) fn stop(&mut self, ctx: &Context) {
        self.not_before.stop_by = Some(ctx.now + 2 * ctx.plan.request_timeout);
    }

    pub(super) fn stops_by(&self) -> Option<Instant> {
        self.not_before.stop_by
    }

    /// Whether a stop has to wait for a read that settles an attempt.
    pub(super) fn must_settle(&self, now: Instant) -> bool {
        self.unsettled && self.not_before.stop_by.is_some_and(|by| now < by)
    }

    /// Returns to following when nothing is left of a term (`cause`), or of a lease that never
    /// had one (`None`).
    pub(super) fn resume(
        &mut self,
        ctx: &mut Context,
        settled: Settled,
        cause: Option<EndCause>,
    ) -> Option<Finish> {
        // 1. Keep since when the present holder has not moved. The view itself is kept only if it
        //    shows the winner, as after a loss; any other may be the state before the release.
        let had_term = cause.is_some();
        ctx.keep_sighting();
        if !matches!(ctx.view, View::Held { .. }) || !had_term {
            ctx.view = View::Unknown;
        }
        // 2. Report the end, then set what the cause delays.
        let is_released = matches!(settled, Settled::Released);
        let error = match &settled {
            Settled::Unconfirmed(error) => Some(error.clone()),
            _ => None,
        };
        if let Some(cause) = cause {
            ctx.act(Action::Settle(settled));
            self.after_term(ctx, cause);
        } else if self.after_left_over(ctx, is_released) {
            return Some(Finish::Held);
        }
        // 3. A stop ends here, and so does a lock, which has one term.
        if ctx.stopping || (had_term && matches!(ctx.plan.mode, Mode::Wait | Mode::Try)) {
            return Some(Finish::Done);
        }
        // 4. A campaign whose renewals or releases are denied would be elected and lose its term
        //    again and again, so a denial that lasts ends it.
        if let Some(error) = error {
            gives_up(ctx, Verb::Release, &error)
        } else if let Some(error) = ctx.troubles.denial(Verb::Renew) {
            gives_up(ctx, Verb::Renew, &error)
        } else {
            None
        }
    }

    fn after_term(&mut self, ctx: &Context, cause: EndCause) {
        self.backoff.left_overs = 0;
        self.not_before.sit_out = None;
        match cause {
            EndCause::Resigned => self.resigned(ctx),
            EndCause::Panicked => {
                self.not_before.acquire = ctx.now + self.backoff.after_panic(&ctx.plan);
            }
            _ => self.backoff.ended_without_panic(),
        }
    }

    /// Returns whether `try_lock` gives up: the store keeps showing what was released.
    fn after_left_over(&mut self, ctx: &mut Context, is_released: bool) -> bool {
        self.backoff.left_overs = self.backoff.left_overs.saturating_add(1);
        // A lease that could not be given back, or that shows up again after it was, is found
        // again by the next read. Without a pause the two would follow each other for ever.
        if !is_released || self.backoff.left_overs > 1 {
            let at = ctx.now + ctx.retry();
            self.not_before.wait_until(at);
        }
        ctx.plan.mode == Mode::Try && self.backoff.left_overs >= TRIES && !ctx.stopping
    }
}

/// Whether an error is for good, so that the campaign ends with it.
fn gives_up(ctx: &Context, verb: Verb, error: &Error) -> Option<Finish> {
    let hopeless = match error.kind() {
        ErrorKind::Unsupported | ErrorKind::Invalid => verb != Verb::Release,
        ErrorKind::Denied => {
            let patience = ctx.plan.lease_duration * DENIED_FOR;
            ctx.troubles.denied_for(ctx.now, patience) >= patience
        }
        _ => false,
    };
    hopeless.then(|| Finish::Failed(error.clone()))
}
