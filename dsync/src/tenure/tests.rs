//! The tenure by itself: every rule of a term, under all answers that a store may give.

mod races;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::driver::{
    Acquired, Capabilities, Expiry, Holder, Key, KeyKind, Pulse, Released, Renewed, Version,
};
use crate::{FencingToken, Timing};

const HOUR: Duration = Duration::from_secs(3600);

fn plan(mode: Mode, expiry: Expiry, watch: WatchScope) -> Plan {
    let mut capabilities = Capabilities::new(expiry).with_watch(watch);
    if expiry == Expiry::Observer {
        capabilities = capabilities.with_released_elections_kept();
    }
    let key = Key::new(KeyKind::Election, "default", "unscoped.election.task");
    Plan::new(mode, "me", &key, &Timing::default(), Duration::from_secs(20), &capabilities)
}

fn tenure(plan: Plan) -> Tenure {
    let mut number = 0_u64;
    Tenure::new(plan, Memory::default(), move || {
        number += 1;
        number
    })
}

/// A term, as its user and its bodies know it.
struct TermModel {
    holder: Holder,
    valid_until: Instant,
    hard: Instant,
    cancelled: Option<EndCause>,
    dropped: bool,
    overran: bool,
    bodies_stopped: bool,
}

/// Feeds a tenure and judges what it says.
struct World {
    tenure: Tenure,
    plan: Plan,
    now: Instant,
    call: Option<(Instant, Request)>,
    sent: BTreeMap<Holder, Instant>,
    /// Proven to be held by an answer, not by the watch.
    proven: BTreeSet<Holder>,
    elected: BTreeSet<Holder>,
    released: BTreeSet<Holder>,
    first_fed: BTreeMap<String, (Instant, Duration)>,
    leases: BTreeMap<String, Lease>,
    last: Option<Lease>,
    counter: u64,
    term: Option<TermModel>,
    stopped: bool,
    finished: bool,
    kept_at: Option<Instant>,
}

type Check = Result<(), TestCaseError>;

impl World {
    fn new(plan: Plan) -> Self {
        Self {
            tenure: tenure(plan.clone()),
            plan,
            now: Instant::EPOCH,
            call: None,
            sent: BTreeMap::new(),
            proven: BTreeSet::new(),
            elected: BTreeSet::new(),
            released: BTreeSet::new(),
            first_fed: BTreeMap::new(),
            leases: BTreeMap::new(),
            last: None,
            counter: 0,
            term: None,
            stopped: false,
            finished: false,
            kept_at: None,
        }
    }

    /// A record of some kind; the same again, sometimes.
    fn record(&mut self, kind: u32) -> Option<Lease> {
        self.counter += 1;
        let version = Version::new(format!("v{}", self.counter));
        let pulse = Pulse::new(format!("p{}", self.counter));
        let token = FencingToken::new(self.counter);
        let duration = Duration::from_secs(u64::from(kind % 20) + 1);
        let lease = match kind % 6 {
            0 => None,
            1 => Some(Lease::vacant(version, pulse, token)),
            2 => Some(Lease::held(Holder::from_wire("rival_1"), duration, version, pulse, token)),
            // One of my attempts, or the one under way.
            3 => self.sent.keys().nth(kind as usize % self.sent.len().max(1)).map(|holder| {
                Lease::held(holder.clone(), self.plan.lease_duration, version, pulse, token)
            }),
            // The same, or with an edited label.
            4 => self.last.clone(),
            _ => self.last.clone().map(|lease| Lease { version, ..lease }),
        };
        if let Some(lease) = &lease {
            let pulse = lease.pulse.as_str().to_owned();
            let duration = lease.duration.unwrap_or(self.plan.lease_duration);
            self.first_fed.entry(pulse).or_insert((self.now, duration));
            self.leases.insert(lease.version.as_str().to_owned(), lease.clone());
        }
        self.last.clone_from(&lease);
        lease
    }

    fn prove(&mut self, lease: Option<&Lease>) {
        self.proven.extend(lease.and_then(|lease| lease.holder.clone()));
    }

    fn error(pick: u32) -> Error {
        let kinds = [
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
            ErrorKind::Denied,
            ErrorKind::Throttled,
            ErrorKind::Unauthenticated,
        ];
        let kind = kinds[pick as usize % kinds.len()];
        if kind != ErrorKind::Denied && pick.is_multiple_of(2) {
            Error::ambiguous(kind, "on purpose")
        } else {
            Error::definite(kind, "on purpose")
        }
    }

    fn answer(&mut self, pick: u32) -> Check {
        let Some((sent, request)) = self.call.take() else { return self.step(Event::Tick) };
        let fails = pick.is_multiple_of(5);
        let answer = match request {
            Request::Read if fails => Answer::Read(Err(Self::error(pick / 5))),
            Request::Read => {
                let record = self.record(pick / 5);
                self.prove(record.as_ref());
                Answer::Read(Ok(record))
            }
            Request::Acquire(_) if fails => Answer::Acquire(Err(Self::error(pick / 5))),
            Request::Acquire(claim) if pick.is_multiple_of(2) => {
                let lease =
                    self.record(2).map(|lease| Lease { holder: Some(claim.holder), ..lease });
                self.prove(lease.as_ref());
                Answer::Acquire(lease.map(Acquired::Won).ok_or_else(|| Self::error(0)))
            }
            Request::Acquire(claim) => {
                // What was refused is not in the record.
                let record = self.record(pick / 5).filter(|lease| !lease.is_held_by(&claim.holder));
                self.prove(record.as_ref());
                Answer::Acquire(Ok(Acquired::Held(record)))
            }
            Request::Renew(_) if fails => Answer::Renew(Err(Self::error(pick / 5))),
            Request::Renew(lease) => Answer::Renew(Ok(match pick % 8 {
                1 => Renewed::Conflict,
                2 => Renewed::Lost(None),
                3 => Renewed::Lost(self.record(2)),
                _ => {
                    self.kept_at = Some(sent);
                    Renewed::Kept(lease)
                }
            })),
            Request::Release(_) if fails => Answer::Release(Err(Self::error(pick / 5))),
            Request::Release(_) => Answer::Release(Ok(match pick % 3 {
                0 => Released::NotHeld,
                1 => Released::Conflict,
                _ => Released::Freed,
            })),
        };
        self.step(Event::Answered(answer))
    }

    fn play(&mut self, what: u8, pick: u32) -> Check {
        match what % 16 {
            0..=4 => self.answer(pick),
            5 => self.pass(Duration::from_millis(u64::from(pick % 600))),
            6 => self.pass(Duration::from_millis(u64::from(pick % 6_000))),
            7 => self.pass(Duration::from_millis(u64::from(pick % 20_000))),
            8 | 9 => match self.tenure.wake() {
                Some(at) => self.pass(self.now.until(at)),
                None => Ok(()),
            },
            10 | 11 => {
                let record = self.record(pick);
                self.step(Event::Observed(record))
            }
            12 => self.step(if pick.is_multiple_of(2) {
                Event::Heartbeat
            } else {
                Event::WatchEnded(None)
            }),
            13 if self.tenure.is_draining() => self.stop_bodies(pick.is_multiple_of(8)),
            13 => self.step(Event::Tick),
            14 if pick.is_multiple_of(8) => {
                self.stopped = true;
                self.step(Event::Stop)
            }
            14 => self.step(Event::Resign),
            _ if pick.is_multiple_of(4) => self.step(Event::Lapsed),
            _ if pick % 4 == 1 => self.step(Event::BodyPanicked),
            _ => self.answer(pick),
        }
    }

    fn stop_bodies(&mut self, late: bool) -> Check {
        let Some(term) = &mut self.term else { return Ok(()) };
        let overran = late && self.now >= term.hard;
        term.bodies_stopped = true;
        term.overran |= overran;
        self.step(Event::BodiesStopped { overran })
    }

    fn pass(&mut self, time: Duration) -> Check {
        self.now = self.now + time;
        self.step(Event::Tick)
    }

    fn step(&mut self, event: Event) -> Check {
        let before = self.call.is_some();
        let actions = self.tenure.step(self.now, event);
        prop_assert!(!self.finished || actions.is_empty(), "after the end: {actions:?}");
        for action in actions {
            self.judge(action)?;
        }
        self.kept_at = None;
        if let Some(term) = &self.term {
            let over = self.now >= term.valid_until;
            prop_assert!(!over || term.cancelled.is_some(), "a term outlived its deadline");
            let hard = self.now >= term.hard && !term.bodies_stopped;
            prop_assert!(!hard || term.dropped, "bodies outlived the hard deadline");
        }
        let _ = before;
        prop_assert_eq!(self.finished, self.tenure.is_done());
        Ok(())
    }

    fn judge(&mut self, action: Action) -> Check {
        match action {
            Action::Send(call) => self.judge_call(call)?,
            Action::Elect(grant) => {
                prop_assert!(self.term.is_none(), "a term within a term");
                prop_assert!(!self.stopped, "elected after a stop");
                let sent = self.sent.get(&grant.holder).copied();
                let Some(sent) = sent else { return Err(TestCaseError::fail("never asked for")) };
                prop_assert_eq!(grant.valid_until, sent + self.plan.renew_deadline);
                prop_assert_eq!(grant.hard_deadline, sent + self.plan.hard_deadline);
                prop_assert!(self.now < grant.valid_until, "elected too late");
                prop_assert!(self.proven.contains(&grant.holder), "elected by a hint");
                prop_assert!(!self.released.contains(&grant.holder), "elected after its release");
                prop_assert!(self.elected.insert(grant.holder.clone()), "elected twice");
                self.term = Some(TermModel {
                    holder: grant.holder,
                    valid_until: grant.valid_until,
                    hard: grant.hard_deadline,
                    cancelled: None,
                    dropped: false,
                    overran: false,
                    bodies_stopped: false,
                });
            }
            Action::Extend { valid_until, hard_deadline } => {
                let Some(term) = &mut self.term else {
                    return Err(TestCaseError::fail("extended without a term"));
                };
                prop_assert!(!term.dropped && !term.bodies_stopped, "extended after the drop");
                let voluntary = term.cancelled.is_none_or(is_voluntary);
                prop_assert!(voluntary, "extended after an involuntary end");
                prop_assert!(self.now < term.valid_until, "revived by a late answer");
                let sent = self.kept_at.map(|sent| sent + self.plan.renew_deadline);
                prop_assert_eq!(Some(valid_until), sent, "not counted from the sending");
                (term.valid_until, term.hard) = (valid_until, hard_deadline);
            }
            Action::Cancel(cause) => {
                let Some(term) = &mut self.term else {
                    return Err(TestCaseError::fail("cancelled without a term"));
                };
                prop_assert!(term.cancelled.is_none(), "cancelled twice");
                term.cancelled = Some(cause);
            }
            Action::DropBodies | Action::Overrun | Action::Settle(_) => {
                let Some(term) = &mut self.term else {
                    return Err(TestCaseError::fail("an end without a term"));
                };
                prop_assert!(term.cancelled.is_some(), "an end before the cancellation");
                match action {
                    Action::DropBodies => term.dropped = true,
                    Action::Overrun => {
                        prop_assert!(self.now >= term.hard, "an overrun before the deadline");
                        term.overran = true;
                    }
                    _ => {
                        prop_assert!(term.bodies_stopped, "settled while bodies run");
                        self.term = None;
                    }
                }
            }
            Action::Finish(_) => {
                prop_assert!(self.term.is_none(), "finished within a term");
                self.finished = true;
            }
            Action::Leader(_) | Action::Trouble(_) | Action::TokenWentBack { .. } => {}
        }
        Ok(())
    }

    fn judge_call(&mut self, call: Call) -> Check {
        prop_assert!(self.call.is_none(), "two calls at a time");
        prop_assert!(!call.timeout.is_zero(), "a call without time");
        match &call.request {
            Request::Acquire(claim) => {
                prop_assert!(self.term.is_none(), "acquires within a term");
                prop_assert!(!self.stopped, "acquires after a stop");
                prop_assert!(self.plan.mode != Mode::Observe, "an observer acquires");
                let fresh = self.sent.insert(claim.holder.clone(), self.now).is_none();
                prop_assert!(fresh, "a nonce is used again");
                if let (Some(version), Expiry::Observer) = (&claim.take_over, self.plan.expiry) {
                    let lease = &self.leases[version.as_str()];
                    if lease.holder.is_some() {
                        let (first, duration) = self.first_fed[lease.pulse.as_str()];
                        prop_assert!(self.now >= first + duration, "takes over a live record");
                    }
                }
            }
            Request::Renew(lease) => {
                let Some(term) = &self.term else {
                    return Err(TestCaseError::fail("renews without a term"));
                };
                prop_assert!(lease.is_held_by(&term.holder));
                prop_assert!(!term.dropped && !term.overran, "renews after the drop");
                prop_assert!(!term.bodies_stopped, "renews after the bodies");
                prop_assert!(term.cancelled.is_none_or(is_voluntary), "renews what is lost");
                prop_assert!(self.now < term.valid_until, "renews what is over");
            }
            Request::Release(lease) => {
                let Some(holder) = &lease.holder else {
                    return Err(TestCaseError::fail("releases a lease without a holder"));
                };
                if let Some(term) = self.term.as_ref().filter(|term| term.holder == *holder) {
                    prop_assert!(term.bodies_stopped, "releases while bodies run");
                    prop_assert!(!term.overran, "releases after an overrun");
                } else {
                    prop_assert!(self.term.is_none(), "releases another within a term");
                }
                self.released.insert(holder.clone());
            }
            Request::Read => {}
        }
        self.call = Some((self.now, call.request));
        Ok(())
    }

    /// Everything answers and every body stops: nothing goes round in circles.
    fn calm_down(&mut self) -> Check {
        let end = self.now + HOUR;
        let (mut last, mut steps) = (self.now, 0);
        for _ in 0..400 {
            if self.finished || self.now >= end {
                return Ok(());
            }
            if self.call.is_some() {
                self.answer(1)?;
            } else if self.tenure.is_draining() {
                self.stop_bodies(false)?;
            } else if let Some(at) = self.tenure.wake() {
                self.pass(self.now.until(at))?;
            } else {
                return Ok(());
            }
            steps = if self.now == last { steps + 1 } else { 0 };
            last = self.now;
            prop_assert!(steps < 16, "goes round in circles: {:?}", self.tenure);
        }
        Ok(())
    }
}

fn is_voluntary(cause: EndCause) -> bool {
    matches!(cause, EndCause::Stopped | EndCause::Resigned | EndCause::Panicked)
}

fn holds_under_anything(mode: Mode, expiry: Expiry, watch: WatchScope) {
    let config = ProptestConfig { cases: 15_000, failure_persistence: None, ..<_>::default() };
    let steps = prop::collection::vec((any::<u8>(), any::<u32>()), 1..60);
    proptest!(config, |(steps in steps)| {
        let mut world = World::new(plan(mode, expiry, watch));
        world.step(Event::Tick)?;
        for (what, pick) in steps {
            world.play(what, pick)?;
        }
        world.calm_down()?;
    });
}

#[test]
fn a_campaign_over_an_observer_store() {
    holds_under_anything(Mode::Campaign, Expiry::Observer, WatchScope::Changes);
}

#[test]
fn a_campaign_over_an_observer_store_without_a_watch() {
    holds_under_anything(Mode::Campaign, Expiry::Observer, WatchScope::Nothing);
}

#[test]
fn a_campaign_over_a_backend_store() {
    holds_under_anything(Mode::Campaign, Expiry::Backend, WatchScope::Changes);
}

#[test]
fn a_campaign_over_a_backend_store_that_tells_of_releases() {
    holds_under_anything(Mode::Campaign, Expiry::Backend, WatchScope::Releases);
}

#[test]
fn a_wait_for_a_lock() {
    holds_under_anything(Mode::Wait, Expiry::Observer, WatchScope::Changes);
    holds_under_anything(Mode::Wait, Expiry::Backend, WatchScope::Changes);
}

#[test]
fn a_try_for_a_lock() {
    holds_under_anything(Mode::Try, Expiry::Observer, WatchScope::Changes);
}

#[test]
fn an_observer() {
    holds_under_anything(Mode::Observe, Expiry::Observer, WatchScope::Changes);
}
