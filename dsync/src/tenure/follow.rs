//! Waiting for the lease to become free, and taking it.

use std::time::Duration;

use super::{
    Acquired, Action, Attempt, EndCause, Error, ErrorKind, Expiry, FencingToken, Finish, Flight,
    Grant, Held, Instant, Lease, Mode, Phase, Plan, Releasing, Result, Tenure, Verb, View,
    WatchScope,
};
use crate::driver::Version;

/// The first window from which a follower that lost a race draws its delay.
const FIRST_WINDOW: Duration = Duration::from_millis(5);
const WIDEST_WINDOW: Duration = Duration::from_millis(100);
/// How often a `try_lock` tries to get an answer that tells who holds the lock.
pub(super) const TRIES: u32 = 3;
/// A campaign ends when a verb was denied for this many lease durations. It does not end at once,
/// since a server that is just starting denies everything.
const DENIED_FOR: u32 = 4;

/// What a candidate that does not lead keeps in mind.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// No acquisition before, after an error or a panic.
    acquire_after: Instant,
    /// No acquisition before, after a lost race; news of the record lift it.
    quiet_until: Instant,
    /// No read before.
    read_after: Instant,
    /// Look at the record then, unless the watch shows it before.
    look_at: Option<Instant>,
    /// While the watch does not work: look at the record then.
    poll_at: Instant,
    /// Only a read can tell whether an attempt of mine is in the record.
    unsettled: bool,
    /// The watch works, as far as is known.
    healthy: bool,
    /// The watch began to work while a call was under way, and has not told how things stand.
    began: bool,
    last_heard: Instant,
    last_look: Instant,
    /// The version at which an attempt was refused. What the watch shows of it is out of date.
    refused: Option<Version>,
    /// What the watch showed while a call was under way: the version, if there was a record. The
    /// answer to the call may be older.
    news: Option<News>,
    /// The window from which the delay before the next try is drawn, and the delay.
    window: Duration,
    delay: Duration,
    /// Stepped down: leave it to others until then.
    sit_out: Option<Instant>,
    /// Stopping: no later than this, whatever is unsettled.
    stop_by: Option<Instant>,
    panics: u32,
    tries: u32,
    /// How many leases in a row were mine and given back without a term.
    pub(super) left_overs: u32,
}

/// Which state of the record was told.
#[derive(Debug, PartialEq, Eq)]
struct News(Option<Version>);

impl News {
    fn of(record: Option<&Lease>) -> Self {
        Self(record.map(|lease| lease.version.clone()))
    }
}

impl Following {
    fn alive(&mut self, now: Instant) {
        self.healthy = true;
        self.last_heard = now;
    }

    /// A call is being sent.
    pub(super) fn sending(&mut self) {
        self.news = None;
        self.began = false;
    }

    pub(super) fn watch_ended(&mut self) {
        self.healthy = false;
    }

    /// A watch works, and tells what changes.
    pub(super) fn is_watched(&self) -> bool {
        self.healthy
    }

    pub(super) fn sit_out_until(&mut self, until: Instant) {
        self.sit_out = Some(until);
    }

    pub(super) fn stop_by(&mut self, by: Instant) {
        self.stop_by = Some(by);
    }

    pub(super) fn stops_by(&self) -> Option<Instant> {
        self.stop_by
    }

    pub(super) fn panicked(&mut self) {
        self.panics = self.panics.saturating_add(1);
    }

    /// A term is over; be a candidate again.
    pub(super) fn resume(&mut self, now: Instant, cause: EndCause, plan: &Plan) {
        self.sit_out = None;
        match cause {
            EndCause::Resigned => self.sit_out = Some(now + plan.lease_duration),
            EndCause::Panicked => {
                let doublings = self.panics.saturating_sub(1).min(16);
                let wait = plan.retry_period.saturating_mul(1 << doublings);
                self.acquire_after = now + wait.min(plan.lease_duration);
            }
            _ => self.panics = 0,
        }
    }

    /// No request of any kind before `at`.
    pub(super) fn wait_until(&mut self, at: Instant) {
        self.acquire_after = self.acquire_after.max(at);
        self.read_after = self.read_after.max(at);
    }

    fn lost_race(&mut self) {
        self.window = (self.window * 2).clamp(FIRST_WINDOW, WIDEST_WINDOW);
    }

    fn uncontested(&mut self) {
        self.window /= 2;
        if self.window < FIRST_WINDOW {
            self.window = Duration::ZERO;
        }
    }
}

impl Tenure {
    /// Whether a term would be wanted now.
    fn wants_term(&self, now: Instant) -> bool {
        !self.stopping
            && self.plan.mode != Mode::Observe
            && self.following.sit_out.is_none_or(|until| now >= until)
    }

    /// Whether a stop has to wait for a read that tells what became of an attempt.
    pub(super) fn must_settle(&self, now: Instant) -> bool {
        self.following.unsettled && self.following.stop_by.is_some_and(|by| now < by)
    }

    pub(super) fn due_following(&self) -> (Instant, Verb) {
        let f = &self.following;
        if self.stopping || f.unsettled {
            return (f.read_after, Verb::Read);
        }
        if self.plan.mode == Mode::Observe {
            let look_at = f.look_at.unwrap_or_else(|| self.look_due());
            return (look_at.max(f.read_after), Verb::Read);
        }
        let free_at = match &self.view {
            View::Unknown => Instant::EPOCH,
            View::Absent { free_at } => *free_at + f.delay,
            View::Vacant { since, .. } => *since + f.delay,
            View::Held { .. } if self.is_told_of_expiry() => self.silent_at(),
            View::Held { expires_at, .. } => *expires_at + f.delay,
        };
        let try_at = free_at
            .max(f.acquire_after)
            .max(f.quiet_until)
            .max(f.sit_out.unwrap_or(Instant::EPOCH));
        let look_at = match (f.look_at, f.healthy) {
            (Some(at), _) => Some(at),
            // Nothing to wait for, so nothing to look at: one try tells as much.
            (None, false) if !matches!(self.view, View::Unknown) => Some(f.poll_at),
            (None, _) => None,
        }
        .map(|at| at.max(f.read_after));
        match look_at {
            Some(at) if at <= try_at && self.plan.mode != Mode::Try => (at, Verb::Read),
            Some(at) if f.look_at.is_some() => (at, Verb::Read),
            _ => (try_at, Verb::Acquire),
        }
    }

    /// Whether the watch tells when a dead holder's record goes away.
    fn is_told_of_expiry(&self) -> bool {
        self.plan.expiry == Expiry::Backend
            && self.plan.watch == WatchScope::Changes
            && self.following.healthy
    }

    /// When a watch that says nothing is no longer trusted, and one request is worth it.
    fn silent_at(&self) -> Instant {
        let f = &self.following;
        let theirs = self.view.lease().and_then(|lease| lease.duration).unwrap_or_default();
        f.last_heard.max(f.last_look) + theirs.max(self.plan.lease_duration)
    }

    /// When somebody who only observes reads next.
    fn look_due(&self) -> Instant {
        let f = &self.following;
        match &self.view {
            View::Unknown => Instant::EPOCH,
            _ if !f.healthy => f.poll_at,
            // A holder that stops renewing says nothing, so look when its time is up.
            View::Held { expires_at, .. }
                if self.plan.expiry == Expiry::Observer && *expires_at > f.last_look =>
            {
                *expires_at
            }
            _ => self.silent_at(),
        }
    }

    /// The watch works, and says nothing of the record.
    pub(super) fn heard_nothing(&mut self, now: Instant) {
        let began = !self.following.healthy;
        self.following.alive(now);
        self.troubles.over(Verb::Watch);
        if began && matches!(self.phase, Phase::Following) {
            // What happened before it began is not told: a read shows it.
            if self.flight.is_some() {
                self.following.began = true;
            } else if !matches!(self.view, View::Unknown) {
                self.following.look_at = Some(now);
            }
        }
    }

    pub(super) fn heard(&mut self, now: Instant, lease: Option<Lease>, out: &mut Vec<Action>) {
        self.following.alive(now);
        self.troubles.worked(Verb::Watch);
        match &mut self.phase {
            Phase::Draining(_, drain) if drain.is_taken() => {
                self.see(now, lease, out);
                return;
            }
            Phase::Leading(held) | Phase::Draining(held, _) => {
                let mine = lease.is_some_and(|lease| lease.is_held_by(&held.holder));
                held.hear(now, mine, &self.plan);
                return;
            }
            Phase::Releasing(_) | Phase::Done => return,
            Phase::Following => {}
        }
        if let (Some(lease), Some(refused)) = (&lease, &self.following.refused)
            && lease.version == *refused
        {
            return;
        }
        if self.flight.is_some() {
            self.following.news = Some(News::of(lease.as_ref()));
        }
        self.following.look_at = None;
        self.following.quiet_until = Instant::EPOCH;
        if lease.as_ref().is_some_and(|lease| self.attempts.find(lease).is_some()) {
            // The watch may lag, so this asks for a proof.
            self.following.unsettled = true;
        }
        self.see(now, lease, out);
        self.saw(now);
    }

    /// Draws a conclusion from what was just seen.
    fn saw(&mut self, now: Instant) {
        self.following.delay = self.random_below(self.following.window);
        let mine = self.view.lease().is_some_and(|lease| {
            self.attempts.find(lease).is_some()
                || matches!(&self.flight, Some(Flight::Acquire(attempt, _))
                    if lease.is_held_by(&attempt.holder))
        });
        if let View::Held { expires_at, .. } = &self.view
            && !mine
            && now < *expires_at
        {
            // Somebody else has won, so nothing is left to others any more.
            self.following.sit_out = None;
        }
    }

    pub(super) fn acquired(
        &mut self,
        now: Instant,
        attempt: Attempt,
        floor: FencingToken,
        result: Result<Acquired>,
        out: &mut Vec<Action>,
    ) {
        self.following.tries += 1;
        match result {
            Ok(Acquired::Won(lease)) => {
                self.troubles.worked(Verb::Acquire);
                self.following.uncontested();
                // What was seen since may be of this acquisition, or of a later write.
                let (granted, seen) = (lease.fencing_token, floor);
                if granted <= seen {
                    out.push(Action::TokenWentBack { granted, seen });
                }
                self.take_or_release(now, lease, attempt, out);
            }
            Ok(Acquired::Held(record)) => {
                self.troubles.worked(Verb::Acquire);
                if !matches!(self.view, View::Unknown) {
                    self.following.lost_race();
                }
                self.following.refused = attempt.conditioned_on;
                let retry = self.retry();
                self.following.poll_at = now + retry;
                if let Some(lease) = record {
                    self.proven(now, Some(lease), out);
                } else {
                    // The watch shows the winner soon, if it works.
                    self.earlier = self.view.sighting().or(self.earlier.take());
                    self.view = View::Unknown;
                    self.following.quiet_until = now + retry;
                    let news = self.following.news.take().is_some();
                    let told_later = self.following.healthy && !news;
                    let wait = if told_later { retry } else { Duration::ZERO };
                    self.following.look_at = Some(now + wait);
                }
            }
            Err(error) => {
                self.troubles.failed(Verb::Acquire, &error, now);
                let wait = self.retry().max(error.retry_after().unwrap_or_default());
                self.following.acquire_after = now + wait;
                if error.is_ambiguous() {
                    self.attempts.remember(attempt);
                    self.following.unsettled = true;
                }
                if self.give_up(now, Verb::Acquire, &error, out) {
                    return;
                }
                let settles = error.is_ambiguous() && self.following.tries < TRIES;
                if self.plan.mode == Mode::Try && !settles && !self.stopping {
                    self.finish(Finish::Failed(error), out);
                }
            }
        }
    }

    /// The lease is mine, by an answer in time or by a read that found an attempt: begin a term,
    /// or give it back.
    fn take_or_release(
        &mut self,
        now: Instant,
        lease: Lease,
        attempt: Attempt,
        out: &mut Vec<Action>,
    ) {
        let Attempt { holder, sent, duration, spent, .. } = attempt;
        // One of another timing may expire before the deadlines of this one.
        let in_time = now < sent + self.plan.renew_deadline && duration >= self.plan.lease_duration;
        // A nonce has one term at the most.
        self.attempts.spend(&holder, sent);
        self.following.unsettled = false;
        self.following.look_at = None;
        self.following.refused = None;
        if !(self.wants_term(now) && in_time && !spent) {
            self.see(now, Some(lease.clone()), out);
            self.phase = Phase::Releasing(Releasing::left_over(lease, sent, now, &self.plan));
            return;
        }
        let jitter = self.random_below(self.plan.renew_period / 10);
        let token = lease.fencing_token;
        let held = Held::new(holder.clone(), lease.clone(), sent, &self.plan, jitter);
        self.phase = Phase::Leading(held);
        self.following.sit_out = None;
        out.push(Action::Elect(Grant {
            holder,
            token,
            valid_until: sent + self.plan.renew_deadline,
            hard_deadline: sent + self.plan.hard_deadline,
            slack: self.plan.slack(),
        }));
        self.see(now, Some(lease), out);
    }

    pub(super) fn was_read(
        &mut self,
        now: Instant,
        result: Result<Option<Lease>>,
        out: &mut Vec<Action>,
    ) {
        let record = match result {
            Ok(record) => record,
            Err(error) => {
                self.troubles.failed(Verb::Read, &error, now);
                let retry = self.retry().max(error.retry_after().unwrap_or_default());
                match &mut self.phase {
                    Phase::Leading(held) | Phase::Draining(held, _) => held.retry_at(now + retry),
                    Phase::Releasing(releasing) => releasing.retry_at(now + retry, error),
                    Phase::Following => {
                        self.following.read_after = now + retry;
                        if !self.give_up(now, Verb::Read, &error, out)
                            && self.plan.mode == Mode::Try
                            && !self.stopping
                        {
                            self.finish(Finish::Failed(error), out);
                        }
                    }
                    Phase::Done => {}
                }
                return;
            }
        };
        self.troubles.worked(Verb::Read);
        match self.phase {
            Phase::Following => self.proven(now, record, out),
            Phase::Leading(_) | Phase::Draining(..) => self.was_read_holding(now, record, out),
            Phase::Releasing(_) => self.was_read_releasing(now, record, out),
            Phase::Done => {}
        }
    }

    /// A follower was shown the record by the store itself.
    fn proven(&mut self, now: Instant, record: Option<Lease>, out: &mut Vec<Action>) {
        let retry = self.retry();
        let f = &mut self.following;
        f.last_look = now;
        f.poll_at = now + retry;
        // Two states, and no telling which is newer: a read, sent now, is newer than both.
        let told = News::of(record.as_ref());
        let later = f.news.take().is_some_and(|news| news != told);
        f.look_at = (later || std::mem::take(&mut f.began)).then_some(now);
        f.refused = None;
        f.unsettled = false;
        self.attempts.settle(record.as_ref());
        self.see(now, record.clone(), out);
        self.saw(now);
        if let Some(lease) = record
            && let Some(attempt) = self.attempts.find(&lease).cloned()
        {
            let expired = match &self.view {
                View::Held { expires_at, .. } => {
                    self.plan.expiry == Expiry::Observer && now >= *expires_at
                }
                _ => false,
            };
            // What could not be released until it expired is taken over like a rival's.
            if !expired {
                self.take_or_release(now, lease, attempt, out);
                return;
            }
        }
        if self.plan.mode == Mode::Try && !self.stopping {
            let held = match &self.view {
                View::Held { expires_at, .. } => {
                    self.plan.expiry == Expiry::Backend || now < *expires_at
                }
                View::Absent { free_at } => now < *free_at,
                View::Vacant { .. } | View::Unknown => false,
            };
            if held || self.following.tries >= TRIES {
                self.finish(Finish::Held, out);
            } else {
                self.following.acquire_after = Instant::EPOCH;
            }
        }
    }

    /// Ends the campaign if the error is for good.
    pub(super) fn give_up(
        &mut self,
        now: Instant,
        verb: Verb,
        error: &Error,
        out: &mut Vec<Action>,
    ) -> bool {
        let hopeless = match error.kind() {
            ErrorKind::Unsupported | ErrorKind::Invalid => verb != Verb::Release,
            ErrorKind::Denied => {
                let patience = self.plan.lease_duration * DENIED_FOR;
                self.troubles.denied_for(now, patience) >= patience
            }
            _ => false,
        };
        if hopeless && matches!(self.phase, Phase::Following) {
            self.finish(Finish::Failed(error.clone()), out);
            return true;
        }
        false
    }
}
