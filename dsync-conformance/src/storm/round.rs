//! Rounds in real time: many worlds at a time, and the server's own trouble meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use dsync::driver::Capabilities;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::ground::HarnessGround;
use super::named;
use super::{Plan, SHORTEST_REAL, Storm, batch, candidates};
use crate::check::Precision;
use crate::harness::ServerControl;
use crate::schedule::{Schedule, Shape};
use crate::suite::{Stalls, Stores};
use crate::tasks;
use crate::world::{Names, World};

/// What a busy machine and a real network add to a bound.
const SLACK: Duration = Duration::from_millis(500);

/// Rounds until the time is over; at least two, so that the server has its trouble as well.
pub(super) fn in_real_time(stores: &Stores, capabilities: &Capabilities, plan: Plan) -> Storm {
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
    let processes = candidates::beside(stores, Plan { lease, ..plan });
    let mut storm = Storm::default();
    let worlds = usize::try_from(plan.worlds).unwrap_or(usize::MAX);
    for number in 0_u64.. {
        let spent = tasks::now().saturating_duration_since(started);
        let next = spent / u32::try_from(number.max(1)).unwrap_or(u32::MAX);
        if number >= 2 && spent + next > plan.length {
            break;
        }
        let schedules: Vec<Schedule> = schedules.by_ref().take(worlds).map(real).collect();
        storm.add(round(stores, &schedules, number));
    }
    storm.add(processes.join().unwrap_or_else(|_| Storm {
        broken: Some("the candidates in processes of their own panicked".to_owned()),
        ..Storm::default()
    }));
    storm
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

/// Every schedule in a world and a thread of its own.
fn round(stores: &Stores, schedules: &[Schedule], number: u64) -> Storm {
    let (trouble, is_trouble) = watch::channel(true);
    let storm = Mutex::new(Storm::default());
    let add = |part: Storm| storm.lock().unwrap_or_else(PoisonError::into_inner).add(part);
    thread::scope(|scope| {
        for schedule in schedules {
            let (is_trouble, add) = (is_trouble.clone(), &add);
            scope.spawn(move || add(one(stores, schedule, is_trouble)));
        }
        let length = schedules
            .first()
            .map_or(Duration::ZERO, |schedule| Duration::from_millis(schedule.length_ms));
        add(disturb(stores, number, length));
        // Whoever waits for the end of it and is gone already needs no news.
        let _ = trouble.send(false);
    });
    storm.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One schedule, on this thread.
fn one(stores: &Stores, schedule: &Schedule, trouble: watch::Receiver<bool>) -> Storm {
    static WORLD: AtomicU64 = AtomicU64::new(0);
    let mut storm = Storm::default();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(why) => return Storm { broken: Some(why), ..storm },
    };
    let world = WORLD.fetch_add(1, Ordering::Relaxed);
    let scope = format!("storm-{}-{world}", std::process::id());
    let (history, stalled) = runtime.block_on(async {
        let ground = HarnessGround::new(stores(), SLACK).with_trouble(trouble);
        let stalls = Stalls::watch();
        let begun = tasks::now();
        let history = World::new(schedule, Arc::new(ground), Names::in_scope(scope)).run().await;
        (history, stalls.since(begun))
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    storm.judge(&named(schedule), &history, Precision::REAL, stalled);
    storm
}

/// Pauses the server in one round, and kills it in the next, within the time in which worlds make
/// their own faults.
fn disturb(stores: &Stores, number: u64, length: Duration) -> Storm {
    let mut storm = Storm::default();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(why) => return Storm { broken: Some(why), ..storm },
    };
    runtime.block_on(async {
        let Some(control) = stores().server_control() else { return };
        tokio::time::sleep(length / 4).await;
        let done = if number.is_multiple_of(2) {
            pause(&*control, length / 6).await.map(|()| "server_paused")
        } else {
            kill(&*control, length / 10).await.map(|()| "server_killed")
        };
        match done {
            Ok(kind) => *storm.tally.faults.entry(kind.to_owned()).or_default() += 1,
            Err(error) => {
                storm.broken = Some(format!("the server could not be disturbed: {error}"));
            }
        }
    });
    storm
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
