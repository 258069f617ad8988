//! Recovery after the last fault: demands progress, and then that nothing is left behind.

use std::sync::Arc;
use std::time::Duration;

use dsync::Result;
use tokio::time::sleep_until;

use super::Cluster;
use super::locker::{self, GiveUp, Use};
use super::names::{ELECTION, LOCK};
use crate::history::{At, Demand, Event, LockReturn, Verb};
use crate::sim::network::Mishap;
use crate::sim::schedule::Action;

/// How often the cluster looks whether something has happened.
const LOOK: Duration = Duration::from_millis(10);

impl Cluster {
    /// Demands progress, then ends everything and looks for what is left.
    pub(super) async fn finish(&mut self) -> Result<()> {
        self.store.calm().await;
        self.heal().await?;
        // What was sent before may still land, and is as much of a fault as it was.
        let in_flight = |cluster: &Self| cluster.nodes.iter().any(|node| node.link.in_flight() > 0);
        while in_flight(self) {
            self.wait(LOOK).await;
        }
        let healed = self.recorder.now();
        self.recorder.with(|history| history.healed_at = Some(healed));

        self.demand_election(healed).await?;
        self.settle().await;
        self.hand_over().await?;
        self.lock_all().await?;
        self.shut_down().await;
        Ok(())
    }

    /// Kills the leader for good and demands that another candidate is elected, although the record is
    /// edited all the time, as operators and their tools do.
    async fn demand_election(&mut self, healed: At) -> Result<()> {
        let bound = self.election_bound(healed);
        let killed = self.leader().filter(|_| self.nodes.len() > 1);
        if let Some(leader) = killed {
            self.nodes[leader].machine.kill();
            self.nodes[leader].running = None;
        }
        let key = self.names.key(ELECTION);
        let (store, edits) = (Arc::clone(&self.store), self.lease() / 5);
        let edit = async move {
            loop {
                tokio::time::sleep(edits).await;
                store.touch(&key).await;
            }
        };
        let elected = self.demand("4.01", "somebody is elected", None, bound, |cluster| {
            cluster.leader().is_some()
        });
        tokio::select! {
            biased;
            _ = elected => {}
            () = edit => {}
        }
        if let Some(leader) = killed {
            self.start(leader).await?;
        }
        Ok(())
    }

    async fn wait(&self, duration: Duration) {
        sleep_until(self.recorder.instant(self.recorder.now() + duration)).await;
    }

    /// Waits until `condition` holds, and writes down how long it took.
    async fn demand(
        &self,
        rule: &'static str,
        what: &str,
        node: Option<usize>,
        bound: Duration,
        condition: impl Fn(&Self) -> bool,
    ) -> bool {
        let from = self.recorder.now();
        let mut took = None;
        while took.is_none() && self.recorder.now() <= from + bound {
            if condition(self) {
                took = Some(self.recorder.now().saturating_sub(from));
            } else {
                self.wait(LOOK).await;
            }
        }
        let demand = Demand { rule, what: what.to_owned(), from, took, bound, node };
        self.recorder.with(|history| history.demands.push(demand));
        took.is_some()
    }

    /// The node that leads.
    fn leader(&self) -> Option<usize> {
        self.nodes.iter().position(|node| {
            let election = node.running.as_ref().and_then(|running| running.election.as_ref());
            election.is_some_and(dsync::Election::is_leader)
        })
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(self.schedule.lease_ms)
    }

    /// One message there and back, with room for what the machine adds.
    fn round_trip(&self) -> Duration {
        self.store.slack() + 2 * Duration::from_millis(self.schedule.latency_ms)
    }

    /// How long an election may take after the last fault: the lease of a dead holder, counted from
    /// the heal, plus a few retries and a request.
    ///
    /// Steps shortly before the heal make it longer: a candidate that resigned or panicked sits out,
    /// the lease that another program wrote is respected, and so is a `Retry-After`.
    fn election_bound(&self, healed: At) -> Duration {
        let timing = self.recorder.with(|history| history.timing);
        let lease = self.lease();
        let mut extra = Duration::ZERO;
        for step in &self.schedule.steps {
            let at = Duration::from_millis(step.at_ms);
            let until = match step.action {
                Action::Resign { .. } | Action::Panic { .. } => at + 2 * lease,
                Action::Overwrite { lease_ms, .. } => {
                    // A candidate that sees it for the first time after the heal waits for all of it.
                    healed + Duration::from_millis(lease_ms)
                }
                Action::Throttle { retry_after_ms, .. } => {
                    at + lease + Duration::from_millis(retry_after_ms)
                }
                _ => continue,
            };
            if at + 4 * lease >= healed || matches!(step.action, Action::Throttle { .. }) {
                extra = extra.max(until.saturating_sub(healed));
            }
        }
        let steady = lease
            + timing.max_expiry_lag
            + 3 * timing.retry_period
            + 2 * timing.request_timeout
            + 3 * self.round_trip();
        // Two clocks, one slow and one fast.
        (steady + extra).mul_f64(1.03)
    }

    /// How long a hand-over may take once the lease was released: far below the lease.
    fn hand_over_bound(&self) -> Duration {
        let timing = self.recorder.with(|history| history.timing);
        (timing.retry_period + Duration::from_millis(100)).min(self.lease() / 4)
            + 3 * self.round_trip()
    }

    /// Waits until everything is at rest: no candidate sits out, and no lock is in use.
    async fn settle(&self) {
        let lease = self.lease();
        let longest = self.schedule.steps.iter().map(|step| match step.action {
            Action::Lock { wait_ms, hold_ms, .. } => wait_ms + hold_ms,
            Action::TryLock { hold_ms, .. } => hold_ms,
            Action::Overwrite { lease_ms, .. } => lease_ms,
            _ => 0,
        });
        let locks = Duration::from_millis(longest.max().unwrap_or_default());
        self.wait(lease * 2 + locks).await;
        // What a campaign costs at rest is counted from here on.
        self.recorder.note(None, Event::Rest { begins: true });
        self.wait(lease * 2).await;
        self.recorder.note(None, Event::Rest { begins: false });
    }

    /// One leader after the other stops, until the last candidate has led alone.
    async fn hand_over(&mut self) -> Result<()> {
        let bound = self.hand_over_bound();
        for left in (0..self.nodes.len()).rev() {
            let Some(leader) = self.leader() else { return Ok(()) };
            let running = self.nodes[leader].running.as_mut();
            let Some(election) = running.and_then(|running| running.election.take()) else {
                return Ok(());
            };
            // Edited behind the leader's back, the record takes one look more to be released.
            self.store.touch(&self.names.key(ELECTION)).await;
            // Work that takes no notice drains for as long as it may.
            let stopped = tokio::time::timeout(self.lease() * 4, election.stop()).await;
            let in_time = matches!(stopped, Ok(Ok(())));
            let from = self.recorder.now();
            let demand = Demand {
                rule: "6.03",
                what: "the leader has stopped".to_owned(),
                from,
                took: in_time.then_some(Duration::ZERO),
                bound: self.lease() * 4,
                node: Some(leader),
            };
            self.recorder.with(|history| history.demands.push(demand));
            if left == 0 {
                self.meet_late_attempt(leader).await?;
                return Ok(());
            }
            let (rule, what) = match left {
                1 => ("4.03", "the last candidate is elected"),
                _ => ("4.02", "the next is elected after a release"),
            };
            if !self.demand(rule, what, None, bound, |cluster| cluster.leader().is_some()).await {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The last candidate leads and stops, and an earlier attempt of its own, to which it never
    /// got an answer, lands only then. It belongs to no other candidate, so it must not have to wait.
    async fn meet_late_attempt(&mut self, node: usize) -> Result<()> {
        let timing = self.recorder.with(|history| history.timing);
        let late = Mishap::Late(timing.lease);
        self.nodes[node].link.next(Some(Verb::Acquire), late);
        self.join(node).await?;
        let patience = 2 * timing.request_timeout + self.hand_over_bound();
        let leads = |cluster: &Self| cluster.leader() == Some(node);
        if !self.demand("4.03", "a lone candidate leads", Some(node), patience, leads).await {
            return Ok(());
        }
        let running = self.nodes[node].running.as_mut();
        let Some(election) = running.and_then(|running| running.election.take()) else {
            return Ok(());
        };
        // How it ends is judged elsewhere.
        let _ = tokio::time::timeout(self.lease() * 4, election.stop()).await;
        while self.nodes[node].link.in_flight() > 0 {
            self.wait(LOOK).await;
        }
        self.wait(self.round_trip()).await;
        self.join(node).await?;
        let what = "a lone candidate leads, although an earlier attempt of its own has landed late";
        self.demand("4.03", what, Some(node), self.hand_over_bound(), leads).await;
        Ok(())
    }

    /// Every node takes the lock once.
    async fn lock_all(&mut self) -> Result<()> {
        let (hold, each) = (Duration::from_millis(20), self.hand_over_bound());
        let count = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        // If no candidate has read the lock since its holder was killed, its whole lease has to be
        // observed before it counts as expired.
        let dead = self.schedule.steps.iter().filter_map(|step| match step.action {
            Action::Overwrite { lease_ms, .. } => Some(Duration::from_millis(lease_ms)),
            _ => None,
        });
        let dead = dead.max().unwrap_or_default().max(self.lease());
        let bound = (each + hold) * (count + 1) + dead.mul_f64(1.03);
        let before = self.locked();
        for node in &self.nodes {
            if let Some(running) = &node.running {
                let how = Use { wait: Some(self.lease() * 20), hold, give_up: GiveUp::Unlock };
                locker::start(running, &self.names.lock, &self.registers, how);
            }
        }
        let all = before + self.nodes.iter().filter(|node| node.running.is_some()).count();
        let what = "everybody who waits for the lock gets it";
        self.demand("5.05", what, None, bound, |cluster| cluster.locked() >= all).await;
        self.wait(hold * 4 + self.round_trip() * 2).await;
        Ok(())
    }

    /// How often a lock was taken.
    fn locked(&self) -> usize {
        self.recorder.with(|history| {
            let taken = |event: &Event| {
                matches!(event, Event::LockReturned { what: LockReturn::Locked(_), .. })
            };
            history.entries.iter().filter(|entry| taken(&entry.event)).count()
        })
    }

    /// Shuts everything down, and looks for what is left.
    async fn shut_down(&mut self) {
        let timing = self.recorder.with(|history| history.timing);
        let bound = (self.lease() + 2 * timing.request_timeout).mul_f64(1.03) + self.store.slack();
        for index in 0..self.nodes.len() {
            let Some(running) = self.nodes[index].running.as_mut() else { continue };
            running.election = None;
            let Some(dsync) = running.dsync.take() else { continue };
            let from = self.recorder.now();
            let done = tokio::time::timeout(bound, dsync.shutdown()).await.is_ok();
            let took = done.then(|| self.recorder.now().saturating_sub(from));
            let what = "a shutdown returns".to_owned();
            let demand = Demand { rule: "6.03", what, from, took, bound, node: Some(index) };
            self.recorder.with(|history| history.demands.push(demand));
        }
        // Our own user code looks once in a while whether a term has ended for good.
        let bound = Duration::from_secs(3) + self.store.slack();
        for index in 0..self.nodes.len() {
            let Some(running) = &self.nodes[index].running else { continue };
            let process = Arc::clone(&running.process);
            let what = "no task is left after the last handle";
            self.demand("6.01", what, Some(index), bound, |_| process.tasks() == 0).await;
        }
        for key in [ELECTION, LOCK] {
            let from = self.recorder.now();
            let left = self.store.left_over(&self.names.key(key)).await;
            let what = match left.first() {
                None => "nothing is left in the store".to_owned(),
                Some(left) => format!("nothing is left in the store, but there is {left}"),
            };
            let took = left.is_empty().then_some(Duration::ZERO);
            let demand =
                Demand { rule: "6.02", what, from, took, bound: Duration::ZERO, node: None };
            self.recorder.with(|history| history.demands.push(demand));
        }
    }
}
