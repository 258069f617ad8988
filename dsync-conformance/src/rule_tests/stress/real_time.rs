//! Rounds in real time: many clusters at a time, and the server's own trouble meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use dsync::driver::Capabilities;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::candidates;
use super::findings::Findings;
use super::losses::Losses;
use super::plan::{Plan, batch, named};
use super::store::HarnessStore;
use crate::check::Precision;
use crate::context::Stalls;
use crate::harness::ServerControl;
use crate::harness::Stores;
use crate::history::FAILED_OVER;
use crate::sim::cluster::{Cluster, Names};
use crate::sim::schedule::{Schedule, Shape};
use crate::tasks;

/// A shorter lease would measure the machine rather than the driver.
const SHORTEST_REAL: Duration = Duration::from_millis(1500);
/// What a busy machine and a real network add to a bound.
const SLACK: Duration = Duration::from_millis(500);

/// Rounds until the time is over; at least so many that the server has each of its troubles.
pub(super) fn run(stores: &Stores, capabilities: &Capabilities, plan: Plan) -> Findings {
    let lease = plan.lease.max(SHORTEST_REAL);
    let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).clamp(600, 60_000);
    let shape = Shape {
        nodes: 3,
        length_ms: 10 * lease_ms,
        least_steps: 24,
        most_steps: 36,
        lease_ms: Some(lease_ms),
    };
    let mut schedules = batch(capabilities, plan, shape, u64::MAX).schedules();
    let started = tasks::now();
    let losses = Arc::new(Losses::default());
    let processes = candidates::beside(stores, Plan { lease, ..plan }, &losses);
    // A store that may elect twice then is judged by its tokens.
    let may_lose = capabilities.token_survives_loss;
    let enough = if may_lose { 3 } else { 2 };
    let mut findings = Findings::default();
    let clusters = usize::try_from(plan.clusters).unwrap_or(usize::MAX);
    for number in 0_u64.. {
        let spent = tasks::now().saturating_duration_since(started);
        let next = spent / u32::try_from(number.max(1)).unwrap_or(u32::MAX);
        if number >= enough && spent + next > plan.length {
            break;
        }
        let schedules: Vec<Schedule> = schedules.by_ref().take(clusters).map(real).collect();
        let trouble = Trouble::of_round(number, may_lose);
        findings.add(round(stores, &schedules, trouble, &losses));
    }
    findings.add(processes.join().unwrap_or_else(|_| {
        Findings::broken("the candidates in processes of their own panicked".to_owned())
    }));
    findings
}

/// A schedule as it can happen in real time.
fn real(mut schedule: Schedule) -> Schedule {
    // The network has a latency of its own.
    schedule.latency_ms = 0;
    schedule
}

fn runtime() -> Result<Runtime, String> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no tokio runtime: {error}"))
}

/// What is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Pause,
    Kill,
    /// Another takes its place, which has not heard of the last writes.
    FailOver,
}

impl Trouble {
    /// Each in its turn.
    fn of_round(number: u64, may_lose: bool) -> Self {
        match number % 3 {
            0 => Self::Pause,
            1 => Self::Kill,
            _ if may_lose => Self::FailOver,
            _ if number.is_multiple_of(2) => Self::Pause,
            _ => Self::Kill,
        }
    }
}

/// Every schedule in a cluster and a thread of its own.
fn round(stores: &Stores, schedules: &[Schedule], trouble: Trouble, losses: &Losses) -> Findings {
    let (is_over, is_trouble) = watch::channel(true);
    let findings = Mutex::new(Findings::default());
    let add = |part: Findings| findings.lock().unwrap_or_else(PoisonError::into_inner).add(part);
    thread::scope(|scope| {
        for schedule in schedules {
            let (is_trouble, add) = (is_trouble.clone(), &add);
            scope.spawn(move || add(one(stores, schedule, is_trouble, losses)));
        }
        let length = schedules
            .first()
            .map_or(Duration::ZERO, |schedule| Duration::from_millis(schedule.length_ms));
        add(disturb(stores, trouble, length, losses));
        // Clusters that have ended already no longer wait for it.
        let _ = is_over.send(false);
    });
    findings.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One schedule, on this thread.
fn one(
    stores: &Stores,
    schedule: &Schedule,
    trouble: watch::Receiver<bool>,
    losses: &Losses,
) -> Findings {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut findings = Findings::default();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(why) => return Findings::broken(why),
    };
    let cluster = NEXT.fetch_add(1, Ordering::Relaxed);
    let scope = format!("stress-{}-{cluster}", std::process::id());
    let (history, stalled) = runtime.block_on(async {
        let store = HarnessStore::new(stores(), SLACK).with_trouble(trouble);
        let stalls = Stalls::watch();
        let begun = tasks::now();
        let cluster = Cluster::new(schedule, Arc::new(store), Names::in_scope(scope));
        let epoch = cluster.epoch();
        let mut history = cluster.run().await;
        losses.of_cluster(&mut history, epoch);
        (history, stalls.since(begun))
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    findings.judge(&named(schedule), &history, Precision::REAL, stalled);
    findings
}

/// Makes the server's trouble, within the time in which clusters make their own faults.
fn disturb(stores: &Stores, trouble: Trouble, length: Duration, losses: &Losses) -> Findings {
    let mut findings = Findings::default();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(why) => return Findings::broken(why),
    };
    runtime.block_on(async {
        let Some(control) = stores().server_control() else { return };
        tokio::time::sleep(length / 4).await;
        let done = match trouble {
            Trouble::Pause => pause(&*control, length / 6).await.map(|()| Some("server_paused")),
            Trouble::Kill => kill(&*control, length / 10).await.map(|()| Some("server_killed")),
            Trouble::FailOver => {
                losses.begin();
                let done = control.fail_over().await;
                losses.end();
                done.map(|is_done| is_done.then_some(FAILED_OVER))
            }
        };
        match done {
            Ok(None) => {}
            Ok(Some(kind)) => *findings.tally.faults.entry(kind.to_owned()).or_default() += 1,
            Err(error) => {
                findings.broken = Some(format!("the server could not be disturbed: {error}"));
            }
        }
    });
    findings
}

async fn pause(control: &dyn ServerControl, length: Duration) -> dsync::Result<()> {
    control.pause().await?;
    tokio::time::sleep(length).await;
    control.resume().await
}

async fn kill(control: &dyn ServerControl, length: Duration) -> dsync::Result<()> {
    control.kill().await?;
    tokio::time::sleep(length).await;
    control.start().await
}
