//! A cluster: nodes, their links, and a store, in which a schedule happens.

mod candidate;
mod locker;
mod names;
mod recovery;
mod steps;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dsync::driver::{Driver, Key, WatchScope};
use dsync::{Config, Dsync, Election, Result};

pub(crate) use self::candidate::Register;
pub(crate) use self::names::Names;
use self::names::{ELECTION, LOCK};
pub(crate) use self::store::{MockStore, StoreUnderTest};
use crate::history::{Event, History, KeyInfo, NodeInfo, Timing};
use crate::sim::faulty_driver::{FaultyDriver, Keys};
use crate::sim::network::Link;
use crate::sim::node::{Machine, Process};
use crate::sim::recorder::Recorder;
use crate::sim::rng::Rng;
use crate::sim::schedule::{Schedule, Work};

/// Everything of one run.
pub(crate) struct Cluster {
    schedule: Schedule,
    store: Arc<dyn StoreUnderTest>,
    recorder: Recorder,
    keys: Keys,
    registers: Arc<Register>,
    nodes: Vec<SimNode>,
    names: Names,
}

/// A node, and what runs on it now.
pub(crate) struct SimNode {
    machine: Arc<Machine>,
    link: Arc<Link>,
    work: Work,
    running: Option<Running>,
    /// How many processes have run on it.
    starts: u64,
}

/// What a process of a user's holds.
struct Running {
    process: Arc<Process>,
    dsync: Option<Dsync>,
    election: Option<Election>,
    panics: Arc<candidate::Panics>,
}

impl Cluster {
    pub(crate) fn new(schedule: &Schedule, store: Arc<dyn StoreUnderTest>, names: Names) -> Self {
        let recorder = Recorder::new();
        let keys: BTreeMap<Key, usize> =
            [ELECTION, LOCK].into_iter().map(|index| (names.key(index), index)).collect();
        recorder.with(|history| {
            let info = |name: &str, is_lock| KeyInfo { name: name.to_owned(), is_lock };
            history.keys = vec![info("election", false), info("lock", true)];
            let node = |index| NodeInfo { name: format!("node-{index}"), ..NodeInfo::default() };
            history.nodes = (0..schedule.nodes.len()).map(node).collect();
        });
        let mut nodes = Vec::new();
        for (index, node) in schedule.nodes.iter().enumerate() {
            let clock = Duration::from_millis(node.clock_ms);
            let rng = Rng::of([schedule.seed, index as u64, 0]);
            nodes.push(SimNode {
                machine: Machine::new(index, &recorder, clock, rate(node.drift_ppm)),
                link: Arc::new(Link::new(Duration::from_millis(schedule.latency_ms), rng)),
                work: node.work,
                running: None,
                starts: 0,
            });
        }
        Self {
            schedule: schedule.clone(),
            store,
            registers: Arc::new(Register::new(&recorder)),
            recorder,
            keys: Arc::new(keys),
            nodes,
            names,
        }
    }

    /// When its history begins.
    pub(crate) fn epoch(&self) -> tokio::time::Instant {
        self.recorder.instant(Duration::ZERO)
    }

    /// Lets the schedule happen, then demands progress. What happened.
    pub(crate) async fn run(mut self) -> History {
        if let Err(error) = self.play().await {
            self.recorder.with(|history| history.broken = Some(error.to_string()));
        }
        let history = self.recorder.take();
        for node in &self.nodes {
            node.machine.kill();
        }
        history
    }

    async fn play(&mut self) -> Result<()> {
        for index in 0..self.nodes.len() {
            self.start(index).await?;
        }
        self.perform_steps().await;
        self.finish().await
    }

    /// A process starts on a node, and campaigns.
    async fn start(&mut self, index: usize) -> Result<()> {
        let node = &mut self.nodes[index];
        node.starts += 1;
        let rng = Rng::of([self.schedule.seed, index as u64, node.starts]);
        let process = Process::start(&node.machine, rng);
        let panics = Arc::new(candidate::Panics::default());
        node.running = Some(Running { process, dsync: None, election: None, panics });
        self.join(index).await
    }

    /// A node campaigns, if it does not already.
    async fn join(&mut self, index: usize) -> Result<()> {
        let node = &mut self.nodes[index];
        let Some(running) = &mut node.running else { return Ok(()) };
        if running.dsync.is_none() {
            let inner = self.store.connect(index).await?;
            let timing = dsync::Timing::new(Duration::from_millis(self.schedule.lease_ms));
            let watched = inner.capabilities().watch != WatchScope::Nothing;
            self.recorder.with(|history| {
                history.timing = durations(&timing, &*inner);
                history.watched = watched;
            });
            let driver = FaultyDriver::new(inner, &node.link, &running.process, &self.keys);
            let config = config(index, &self.names, timing, &node.machine, &self.keys);
            running.dsync = Some(Dsync::with_env(driver, config, running.process.env())?);
        }
        if running.election.is_none()
            && let Some(dsync) = &running.dsync
        {
            let election = dsync.election(&self.names.election)?;
            self.recorder.note(Some(index), Event::Campaigns);
            candidate::campaign(
                &election,
                &running.process,
                node.work,
                &self.registers,
                &running.panics,
                self.schedule.lease_ms,
            );
            running.election = Some(election);
        }
        Ok(())
    }
}

fn config(
    index: usize,
    names: &Names,
    timing: dsync::Timing,
    machine: &Arc<Machine>,
    keys: &Keys,
) -> Config {
    let (machine, keys) = (Arc::clone(machine), Arc::clone(keys));
    let drain = timing.lease_duration();
    Config::new(format!("node-{index}"))
        .with_scope(&names.scope)
        .with_timing(timing)
        .with_drain_timeout(drain)
        .with_monitor(move |report| {
            if let dsync::MonitorEvent::Trouble { key, error } = report {
                let key = keys.get(key).copied().unwrap_or_default();
                let error = error.as_ref().map(ToString::to_string);
                machine.recorder.note(Some(machine.index), Event::Trouble { key, error });
            }
        })
}

/// How fast a clock runs that is `ppm` parts per million faster than that of the run.
#[expect(clippy::cast_precision_loss, reason = "the values are small")]
fn rate(ppm: i64) -> f64 {
    1.0 + ppm as f64 / 1e6
}

fn durations(timing: &dsync::Timing, driver: &dyn Driver) -> Timing {
    Timing {
        lease: timing.lease_duration(),
        renew_deadline: timing.renew_deadline(),
        hard_deadline: timing.hard_deadline(),
        renew_period: timing.renew_period(),
        retry_period: timing.retry_period(),
        request_timeout: timing.request_timeout(),
        max_expiry_lag: driver.capabilities().max_expiry_lag,
    }
}
