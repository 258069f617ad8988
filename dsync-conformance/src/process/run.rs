//! The parent of the candidates.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::time::Duration;

use dsync::{Error, ErrorKind, Result};

use super::journal::Journal;
use super::plan::Plan;
use crate::Harness;
use crate::history::{At, Demand, Event, History, Timing};
use crate::process::candidate::{Candidate, CandidateEvent, Orders, Work, connect};
use crate::sim::rng::Rng;

/// How often the parent looks.
const LOOK: Duration = Duration::from_millis(5);

pub(super) async fn run(harness: &dyn Harness, plan: &Plan) -> Result<(History, Duration)> {
    let mut run = Run::begin(harness, plan).await?;
    let epoch = run.journal.epoch();
    for slot in 0..plan.candidates {
        run.start(slot)?;
    }
    for _ in 0..plan.steps {
        if !run.step().await? {
            break;
        }
    }
    Ok((run.finish().await?, epoch))
}

/// A node: the process that runs on it now.
#[derive(Debug, Default)]
struct Slot {
    candidate: Option<Candidate>,
    process: u64,
    /// The term that it has, as far as it has said.
    term: Option<u64>,
    paused: Option<At>,
    /// The last thing that it said.
    last: At,
    stopped: bool,
}

struct Run<'a> {
    harness: &'a dyn Harness,
    plan: &'a Plan,
    journal: Journal,
    slots: Vec<Slot>,
    processes: u64,
    rng: Rng,
    scope: String,
    /// How long to wait for what is to happen, on a machine that does other things as well.
    limit: Duration,
}

impl<'a> Run<'a> {
    async fn begin(harness: &'a dyn Harness, plan: &'a Plan) -> Result<Self> {
        let driver = connect(harness).await?;
        let capabilities = driver.capabilities();
        driver.close().await;
        let timing = dsync::Timing::new(plan.lease);
        timing.validate()?;
        let timing = Timing {
            lease: timing.lease_duration(),
            renew_deadline: timing.renew_deadline(),
            hard_deadline: timing.hard_deadline(),
            renew_period: timing.renew_period(),
            retry_period: timing.retry_period(),
            request_timeout: timing.request_timeout(),
            max_expiry_lag: capabilities.max_expiry_lag,
        };
        let is_lock = matches!(plan.work, Work::Lock { .. });
        Ok(Self {
            harness,
            plan,
            journal: Journal::new(plan.candidates, is_lock, timing),
            slots: (0..plan.candidates).map(|_| Slot::default()).collect(),
            processes: 0,
            rng: Rng::new(plan.seed),
            scope: format!("processes-{:08x}", RandomState::new().build_hasher().finish() >> 32),
            limit: 10 * (plan.lease + capabilities.max_expiry_lag) + Duration::from_secs(30),
        })
    }

    /// A part of the lease duration, up to `percent` of it.
    fn moment(&mut self, percent: u64) -> Duration {
        let micros = u64::try_from(self.plan.lease.as_micros()).unwrap_or(u64::MAX / 1000);
        Duration::from_micros(self.rng.below(micros.saturating_mul(percent) / 100))
    }

    fn start(&mut self, slot: usize) -> Result<()> {
        self.processes += 1;
        let orders = Orders {
            instance: format!("node-{slot}"),
            namespace: self.plan.namespace.clone(),
            scope: self.scope.clone(),
            name: "task".to_owned(),
            lease_ms: u64::try_from(self.plan.lease.as_millis()).unwrap_or(u64::MAX),
            work: self.plan.work,
        };
        let at = self.journal.now();
        let candidate = Candidate::spawn(self.harness, &orders).map_err(failed)?;
        self.journal.note(at, Some(slot), Event::Started);
        self.slots[slot] = Slot {
            candidate: Some(candidate),
            process: self.processes,
            last: at,
            ..Slot::default()
        };
        Ok(())
    }

    /// Takes the messages of all candidates.
    fn receive(&mut self) -> Result<()> {
        for slot in 0..self.slots.len() {
            let Some(candidate) = &mut self.slots[slot].candidate else { continue };
            let silent = candidate.is_silent();
            for message in candidate.received() {
                self.take(slot, &message);
            }
            if silent {
                return Err(failed(io::Error::other(format!(
                    "candidate node-{slot} ended by itself; its last words: {:?}",
                    self.journal.last_note(slot)
                ))));
            }
        }
        Ok(())
    }

    fn take(&mut self, slot: usize, message: &crate::process::candidate::Message) {
        let at = self.journal.at(message.at);
        let state = &mut self.slots[slot];
        state.last = state.last.max(at);
        match &message.event {
            CandidateEvent::Elected { term, .. } => state.term = Some(*term),
            CandidateEvent::Cancelled { term, .. } if state.term == Some(*term) => {
                state.term = None;
            }
            CandidateEvent::Stopped => state.stopped = true,
            _ => {}
        }
        self.journal.record(slot, state.process, message);
    }

    /// Who leads and is awake.
    fn leader(&self) -> Option<usize> {
        self.slots.iter().position(|slot| slot.term.is_some() && slot.paused.is_none())
    }

    /// Waits until a candidate leads. Returns `None` if none does in time; the demand in the history
    /// records that.
    async fn elected(&mut self, from: At) -> Result<Option<usize>> {
        let bound = self.limit;
        let leader = loop {
            self.receive()?;
            let waited = self.journal.now().saturating_sub(from);
            match self.leader() {
                Some(leader) => break Some((leader, waited)),
                None if waited > bound => break None,
                None => tokio::time::sleep(LOOK).await,
            }
        };
        self.journal.demand(Demand {
            rule: "4.01",
            what: "somebody is elected".to_owned(),
            from,
            took: leader.map(|(_, took)| took),
            bound,
            node: None,
        });
        Ok(leader.map(|(leader, _)| leader))
    }

    /// Does one thing to one candidate. Returns `false` if no candidate is elected any more.
    async fn step(&mut self) -> Result<bool> {
        let now = self.journal.now();
        if self.elected(now).await?.is_none() {
            return Ok(false);
        }
        let wait = self.moment(80);
        tokio::time::sleep(wait).await;
        self.receive()?;
        let count = self.slots.len() as u64;
        let other = usize::try_from(self.rng.below(count)).unwrap_or_default();
        let target = match self.leader() {
            Some(leader) if self.rng.below(4) > 0 => leader,
            _ => other,
        };
        match self.rng.below(5) {
            0 | 1 => self.pause(target).await,
            2 | 3 => {
                self.kill(target).await?;
                self.start(target)?;
                Ok(true)
            }
            _ => {
                self.stop(target).await?;
                self.start(target)?;
                Ok(true)
            }
        }
    }

    /// Stops a candidate in its tracks for longer than its lease.
    async fn pause(&mut self, slot: usize) -> Result<bool> {
        let Some(candidate) = &self.slots[slot].candidate else { return Ok(true) };
        let led = self.slots[slot].term.is_some();
        let before = self.journal.at(candidate.pause().map_err(failed)?);
        self.slots[slot].paused = Some(before);
        self.fault(before, slot, "sigstop");
        self.journal.note(before, Some(slot), Event::Paused);
        let length = self.plan.lease.mul_f64(1.2) + self.moment(80);
        tokio::time::sleep(length).await;
        if led && self.elected(before).await?.is_none() {
            return Ok(false);
        }
        if self.rng.below(4) == 0
            && let Some(leader) = self.leader()
        {
            // The successor dies before the old leader has opened its eyes.
            self.kill(leader).await?;
            self.start(leader)?;
        }
        let Some(candidate) = &self.slots[slot].candidate else { return Ok(true) };
        let from = self.journal.now();
        let after = self.journal.at(candidate.resume().map_err(failed)?);
        self.slots[slot].paused = None;
        self.journal.asleep(slot, before, after);
        self.journal.note(from, Some(slot), Event::Resumed);
        // It says something within the moment, or is stuck.
        while self.slots[slot].last <= from {
            if self.journal.now() > from + self.limit {
                return Err(failed(io::Error::other(format!(
                    "candidate node-{slot} says nothing after it went on"
                ))));
            }
            tokio::time::sleep(LOOK).await;
            self.receive()?;
        }
        Ok(true)
    }

    async fn kill(&mut self, slot: usize) -> Result<()> {
        let Some(mut candidate) = self.slots[slot].candidate.take() else { return Ok(()) };
        let before = self.journal.at(candidate.kill().await.map_err(failed)?);
        while let Some(message) = candidate.next().await {
            self.take(slot, &message);
        }
        // What it said while it died comes before its death.
        let died = self.slots[slot].last.max(before) + Duration::from_nanos(1);
        if let Some(paused) = self.slots[slot].paused.take() {
            self.journal.asleep(slot, paused, died);
        }
        self.fault(before, slot, "sigkill");
        self.journal.note(died, Some(slot), Event::Killed);
        self.slots[slot].term = None;
        Ok(())
    }

    /// Asks a candidate to stop and waits until it has.
    async fn stop(&mut self, slot: usize) -> Result<()> {
        let Some(mut candidate) = self.slots[slot].candidate.take() else { return Ok(()) };
        let from = self.journal.now();
        self.fault(from, slot, "told_to_stop");
        let stopped = tokio::time::timeout(self.limit, candidate.stop()).await;
        let took = match stopped {
            Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => {
                Some(self.journal.now().saturating_sub(from))
            }
            _ => None,
        };
        if took.is_none() {
            candidate.kill().await.map_err(failed)?;
        }
        while let Some(message) = candidate.next().await {
            self.take(slot, &message);
        }
        let took = took.filter(|_| self.slots[slot].stopped);
        self.journal.demand(Demand {
            rule: "6.03",
            what: "a process that is asked to stop ends in an orderly way".to_owned(),
            from,
            took,
            bound: self.limit,
            node: Some(slot),
        });
        self.slots[slot].term = None;
        Ok(())
    }

    fn fault(&mut self, at: At, slot: usize, kind: &'static str) {
        self.journal.note(
            at,
            Some(slot),
            Event::Fault { kind, text: format!("{kind} node-{slot}") },
        );
        // It takes effect as it is made.
        self.journal.note(at, Some(slot), Event::Took { kind });
    }

    async fn finish(mut self) -> Result<History> {
        for slot in 0..self.slots.len() {
            self.receive()?;
            if self.slots[slot].paused.is_some() {
                self.kill(slot).await?;
            }
            self.stop(slot).await?;
        }
        Ok(self.journal.close())
    }
}

fn failed(error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        _ => ErrorKind::Internal,
    };
    Error::definite(kind, format!("candidate processes: {error}")).with_source(error)
}
