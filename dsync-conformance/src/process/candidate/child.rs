//! The process that is a candidate.

use std::ffi::OsStr;
use std::io::{self, BufRead};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use dsync::{Config, Dsync, ErrorKind, Lock, MonitorEvent};
use tokio::sync::watch;

use super::child_guard;
use super::connect::connect;
use super::message::CandidateEvent;
use super::observer::{Body, Observer};
use super::orders::{Orders, Work};
use super::recording::Recording;
use crate::Harness;

/// How often a body is polled.
const POLL: Duration = Duration::from_millis(20);

/// What its parent says on its stdin when it is to end in an orderly way.
pub(super) const STOP: &str = "stop";

pub(super) fn run(harness: &dyn Harness, orders: &OsStr) -> ExitCode {
    let observer = Arc::new(Observer::default());
    match attempt(harness, orders, &observer) {
        Ok(()) => {
            observer.reporter.report(CandidateEvent::Stopped);
            ExitCode::SUCCESS
        }
        Err(error) => {
            observer
                .reporter
                .report(CandidateEvent::Line(format!("this candidate cannot be one: {error}")));
            ExitCode::from(2)
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn attempt(harness: &dyn Harness, orders: &OsStr, observer: &Arc<Observer>) -> Result<(), Failure> {
    let orders = orders.to_str().ok_or("its orders are no UTF-8")?;
    let orders: Orders = serde_json::from_str(orders)?;
    child_guard::die_with_parent()?;
    let stop = listen()?;
    observer.watch()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(work(harness, &orders, observer, stop));
    // Tasks that a driver has left behind must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Reads the parent's request to stop from stdin, and ends the process when stdin is closed: then
/// the parent is gone.
fn listen() -> io::Result<watch::Receiver<bool>> {
    let (sender, stop) = watch::channel(false);
    thread::Builder::new().name("listens".to_owned()).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if line.trim() == STOP {
                sender.send_replace(true);
            }
        }
        std::process::exit(3);
    })?;
    Ok(stop)
}

async fn work(
    harness: &dyn Harness,
    orders: &Orders,
    observer: &Arc<Observer>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let driver = Recording::new(connect(harness).await?, observer);
    let monitor = Arc::clone(observer);
    let config = Config::new(&orders.instance)
        .with_namespace(&orders.namespace)
        .with_scope(&orders.scope)
        .with_timing(orders.timing())
        .with_drain_timeout(Duration::from_millis(orders.lease_ms))
        .with_monitor(move |report| {
            if let MonitorEvent::Trouble { error, .. } = report {
                monitor.reporter.report(CandidateEvent::Trouble {
                    error: error.as_ref().map(ToString::to_string),
                });
            }
        });
    let dsync = Dsync::new(driver, config)?;
    let stopped = async {
        // Its sender ends with the process.
        while stop.wait_for(|stop| *stop).await.is_err() {}
    };
    match orders.work {
        Work::Campaign => {
            let election = dsync.election(&orders.name)?;
            let (candidate, observer) = (observer.reporter.name(), Arc::clone(observer));
            observer.reporter.report(CandidateEvent::Campaigns);
            election.when_elected(move |term| {
                let held = observer.elected(&term, candidate);
                let (observer, body) = (Arc::clone(&observer), observer.begin(&held));
                async move {
                    tokio::select! {
                        biased;
                        () = term.ended() => {}
                        () = busy(&observer, &body) => {}
                    }
                }
            });
            stopped.await;
        }
        Work::Lock { hold_ms } => {
            let lock = dsync.lock(&orders.name)?;
            observer.reporter.report(CandidateEvent::Campaigns);
            let pause = Duration::from_millis(hold_ms);
            tokio::select! {
                biased;
                () = stopped => {}
                () = rounds(&lock, observer, pause) => {}
            }
        }
    }
    dsync.shutdown().await;
    Ok(())
}

async fn busy(observer: &Observer, body: &Body) {
    loop {
        observer.polled(body);
        tokio::time::sleep(POLL).await;
    }
}

async fn rounds(lock: &Lock, observer: &Arc<Observer>, pause: Duration) {
    let reporter = &observer.reporter;
    loop {
        let op = reporter.name();
        reporter.report(CandidateEvent::Locks { op });
        match lock.lock().await {
            Ok(guard) => {
                let token = guard.fencing_token().get();
                reporter.report(CandidateEvent::Locked { op, token });
                let held = observer.elected(&guard.term(), op);
                let body = observer.begin(&held);
                let work = async {
                    let body = body;
                    let busy = busy(observer, &body);
                    // Over or not, the hold ends.
                    let _ = tokio::time::timeout(pause, busy).await;
                };
                guard.run(work).await;
                let op = reporter.name();
                reporter.report(CandidateEvent::Unlocks { op, token });
                match guard.unlock().await {
                    Ok(()) => reporter.report(CandidateEvent::Unlocked { op, lost: false }),
                    Err(error) if error.kind() == ErrorKind::Lost => {
                        reporter.report(CandidateEvent::Unlocked { op, lost: true })
                    }
                    Err(error) => {
                        reporter.report(CandidateEvent::LockFailed { op, error: error.to_string() })
                    }
                };
            }
            Err(error) => {
                reporter.report(CandidateEvent::LockFailed { op, error: error.to_string() });
            }
        }
        tokio::time::sleep(pause).await;
    }
}
