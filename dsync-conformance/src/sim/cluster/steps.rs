//! The steps of a schedule, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dsync::Result;
use tokio::time::sleep_until;

use super::locker::{self, GiveUp, Use};
use super::names::{ELECTION, LOCK};
use super::{Cluster, rate};
use crate::history::{At, Event, UNDONE, Verb};
use crate::sim::network::{Mishap, Refusal, WatchBreak};
use crate::sim::schedule::{Action, KeyName, Way};

/// What follows from a step later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Later {
    Wake(usize),
    Start(usize),
    Join(usize),
}

/// What is still to come.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    later: BTreeMap<(At, u64), Later>,
    count: u64,
    /// Until when each node stands still.
    asleep_until: BTreeMap<usize, At>,
}

impl Agenda {
    fn add(&mut self, at: At, later: Later) {
        self.count += 1;
        self.later.insert((at, self.count), later);
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Cluster {
    pub(super) async fn perform_steps(&mut self) {
        let mut agenda = Agenda::default();
        let mut steps = self.schedule.steps.clone();
        steps.sort_by_key(|step| step.at_ms);
        let length = ms(self.schedule.length_ms);
        let mut steps = steps.into_iter().peekable();
        loop {
            let next_step = steps.peek().map(|step| ms(step.at_ms));
            let next_later = agenda.later.keys().next().map(|(at, _)| *at);
            let next = next_step.into_iter().chain(next_later).min();
            let Some(at) = next.filter(|at| *at <= length) else { break };
            sleep_until(self.recorder.instant(at)).await;
            if next_later == Some(at) {
                if let Some((_, later)) = agenda.later.pop_first() {
                    self.perform_later(later, &mut agenda).await;
                }
            } else if let Some(step) = steps.next() {
                self.perform(step.action, &mut agenda).await;
            }
        }
        sleep_until(self.recorder.instant(length)).await;
    }

    /// Does what follows from an earlier step. A process that cannot connect is started again a
    /// little later, as a supervisor would do.
    async fn perform_later(&mut self, later: Later, agenda: &mut Agenda) {
        let done = match later {
            Later::Wake(node) => {
                let until = agenda.asleep_until.get(&node);
                if until.is_none_or(|until| *until <= self.recorder.now()) {
                    self.nodes[node].machine.wake();
                }
                Ok(())
            }
            Later::Start(node) if self.nodes[node].running.is_none() => self.start(node).await,
            Later::Join(node) => {
                let until = agenda.asleep_until.get(&node).copied().unwrap_or_default();
                if self.nodes[node].machine.is_asleep() && until > self.recorder.now() {
                    // The node is paused, so its user code cannot campaign before it goes on. Try again
                    // just after the pause: at the very instant, the order of the two is open.
                    agenda.add(until + ms(1), later);
                    return;
                }
                self.join(node).await
            }
            Later::Start(_) => Ok(()),
        };
        if let Err(error) = done {
            self.recorder.note(None, Event::Note(format!("a node cannot connect: {error}")));
            agenda.add(self.recorder.now() + ms(self.schedule.lease_ms / 10), retry_of(later));
        }
    }

    async fn perform(&mut self, action: Action, agenda: &mut Agenda) {
        let (kind, text) = describe(&action);
        if action.is_fault() {
            self.recorder.note(action.node(), Event::Fault { kind, text });
        }
        let now = self.recorder.now();
        match action {
            Action::Resign { .. }
            | Action::Stop { .. }
            | Action::DropHandles { .. }
            | Action::Panic { .. }
            | Action::Lock { .. }
            | Action::TryLock { .. } => self.use_it(action, agenda),
            Action::Pause { node, for_ms } | Action::Suspend { node, for_ms } => {
                // Pauses may overlap. The node goes on only after the last of them, so every `Wake`
                // checks whether a later one is still to come.
                let until = now + ms(for_ms);
                let latest = agenda.asleep_until.entry(node).or_default();
                *latest = until.max(*latest);
                agenda.add(until, Later::Wake(node));
                self.nodes[node].machine.sleep(matches!(action, Action::Suspend { .. }));
            }
            Action::Kill { node: index, for_ms } => {
                let node = &mut self.nodes[index];
                if node.running.is_some() {
                    node.machine.kill();
                    node.running = None;
                    agenda.asleep_until.remove(&index);
                    node.machine.wake();
                    agenda.add(now + ms(for_ms), Later::Start(index));
                }
            }
            Action::Drift { node, ppm } => self.nodes[node].machine.set_rate(rate(ppm)),
            Action::Restart { for_ms } => {
                for node in &self.nodes {
                    node.link.refuse(Refusal::Unavailable, now + ms(for_ms));
                    node.link.break_watches(WatchBreak::Compacted);
                    wake(node);
                }
            }
            Action::Forget
            | Action::LoseLastWrite { .. }
            | Action::Delete { .. }
            | Action::Empty { .. }
            | Action::Overwrite { .. }
            | Action::Touch { .. } => self.edit(action).await,
            _ => self.disturb(action, now),
        }
    }

    /// What users do.
    fn use_it(&mut self, action: Action, agenda: &mut Agenda) {
        let now = self.recorder.now();
        let Some(node) = action.node() else { return };
        if self.nodes[node].machine.is_asleep() {
            // User code stands still as well.
            return;
        }
        let lock = self.names.lock.clone();
        let register = Arc::clone(&self.registers);
        let Some(running) = &mut self.nodes[node].running else { return };
        match action {
            Action::Resign { .. } => {
                if let Some(election) = running.election.clone() {
                    running.process.spawn(async move {
                        // Whether it could be released is in the history.
                        let _ = election.resign().await;
                    });
                }
            }
            Action::Stop { for_ms, .. } => {
                if let Some(election) = running.election.take() {
                    running.process.spawn(async move {
                        let _ = election.stop().await;
                    });
                }
                agenda.add(now + ms(for_ms), Later::Join(node));
            }
            Action::DropHandles { for_ms, .. } => {
                // A callback keeps the campaign alive: it is the drop of the `Dsync` that ends it.
                (running.election, running.dsync) = (None, None);
                agenda.add(now + ms(for_ms), Later::Join(node));
            }
            Action::Panic { .. } => running.panics.panic_now(),
            Action::Lock { wait_ms, hold_ms, .. } => {
                let how =
                    Use { wait: Some(ms(wait_ms)), hold: ms(hold_ms), give_up: GiveUp::Unlock };
                locker::start(running, &lock, &register, how);
            }
            Action::TryLock { hold_ms, .. } => {
                let how = Use { wait: None, hold: ms(hold_ms), give_up: GiveUp::Drop };
                locker::start(running, &lock, &register, how);
            }
            _ => {}
        }
    }

    /// What happens to messages.
    fn disturb(&self, action: Action, now: At) {
        let Some(node) = action.node().and_then(|node| self.nodes.get(node)) else { return };
        let link = &node.link;
        match action {
            Action::Cut { way, for_ms, .. } => {
                link.cut(way != Way::Answers, way != Way::Requests, now + ms(for_ms));
            }
            Action::SlowRequests { by_ms, for_ms, .. } => {
                link.slow(ms(by_ms), Duration::ZERO, now + ms(for_ms));
            }
            Action::SlowAnswers { by_ms, for_ms, .. } => {
                link.slow(Duration::ZERO, ms(by_ms), now + ms(for_ms));
            }
            Action::LoseRequest { verb, told, .. } => {
                link.next(verb, Mishap::LoseRequest { hang: !told });
            }
            Action::LoseAnswer { verb, told, .. } => {
                link.next(verb, Mishap::LoseAnswer { hang: !told });
            }
            Action::Late { verb, by_ms, .. } => link.next(verb, Mishap::Late(ms(by_ms))),
            Action::Duplicate { verb, by_ms, .. } => link.next(verb, Mishap::Duplicate(ms(by_ms))),
            Action::Fail { .. } => link.next(None, Mishap::Fail),
            Action::Conflicts { count, .. } => {
                for _ in 0..count {
                    link.next(Some(Verb::Renew), Mishap::Conflict);
                }
                link.next(Some(Verb::Release), Mishap::Conflict);
            }
            Action::StaleReads { for_ms, .. } => link.serve_stale(now + ms(for_ms)),
            Action::Throttle { for_ms, retry_after_ms, .. } => {
                link.refuse(Refusal::Throttled(ms(retry_after_ms)), now + ms(for_ms));
            }
            Action::Unauthenticated { for_ms, .. } => {
                link.refuse(Refusal::Unauthenticated, now + ms(for_ms));
            }
            Action::CloseWatches { .. } => {
                link.break_watches(WatchBreak::Closed);
                wake(node);
            }
            Action::CompactWatches { .. } => {
                link.break_watches(WatchBreak::Compacted);
                wake(node);
            }
            Action::LagWatches { by_ms, for_ms, .. } => {
                link.lag_watches(ms(by_ms), now + ms(for_ms));
            }
            _ => {}
        }
    }

    /// What happens to the store.
    async fn edit(&self, action: Action) {
        let key_of = |key: KeyName| match key {
            KeyName::Election => ELECTION,
            KeyName::Lock => LOCK,
        };
        let (key, kind) = match action {
            Action::Forget => (None, "forgotten"),
            Action::LoseLastWrite { key } => (Some(key_of(key)), UNDONE),
            Action::Delete { key } => (Some(key_of(key)), "deleted"),
            Action::Empty { key } => (Some(key_of(key)), "emptied"),
            Action::Overwrite { key, .. } => (Some(key_of(key)), "overwritten"),
            Action::Touch { key } => (Some(key_of(key)), "touched"),
            _ => return,
        };
        let loss = action.is_record_loss().then(|| {
            // Noted before it is done: from here on, no candidate can rely on the record.
            self.recorder.note(None, Event::RecordLoss { key, kind });
            self.recorder.with(|history| history.entries.len() - 1)
        });
        let name = self.names.key(key.unwrap_or_default());
        let done = match action {
            Action::Forget => self.store.forget().await,
            Action::LoseLastWrite { .. } => self.store.lose_last_write(&name).await,
            Action::Delete { .. } => self.store.delete(&name).await,
            Action::Empty { .. } => self.store.empty(&name).await,
            Action::Overwrite { lease_ms, .. } => self.store.overwrite(&name, ms(lease_ms)).await,
            Action::Touch { .. } => self.store.touch(&name).await,
            _ => false,
        };
        if done {
            self.recorder.note(None, Event::Took { kind });
        } else if let Some(index) = loss {
            let event = Event::Note(format!("this store cannot make the record {kind}"));
            self.recorder.with(|history| history.entries[index].event = event);
        }
    }

    /// Every fault is over: nodes go on or start again, messages arrive, and every node campaigns.
    pub(super) async fn heal(&mut self) -> Result<()> {
        for index in 0..self.nodes.len() {
            self.nodes[index].link.heal();
            self.nodes[index].machine.wake();
        }
        // What user code has just asked for happens first, such as a stop.
        sleep_until(self.recorder.instant(self.recorder.now() + ms(1))).await;
        for index in 0..self.nodes.len() {
            if self.nodes[index].running.is_none() {
                self.start(index).await?;
            }
            self.join(index).await?;
            wake(&self.nodes[index]);
        }
        Ok(())
    }
}

/// A process that has started and could not connect has only that left to do.
fn retry_of(later: Later) -> Later {
    match later {
        Later::Start(node) => Later::Join(node),
        other => other,
    }
}

/// Lets the tasks of a node notice that something about its link has changed.
fn wake(node: &super::SimNode) {
    if let Some(process) = node.machine.process() {
        process.wake();
    }
}

/// The name of an action, and all of it for people.
fn describe(action: &Action) -> (&'static str, String) {
    let text = serde_json::to_string(action).unwrap_or_default();
    (action.kind(), text)
}
