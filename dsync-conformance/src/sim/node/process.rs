//! A process: the tasks that run, or stand still, or die together.
//!
//! Tasks run on tokio's runtime, each wrapped in a [`Running`] that polls it only while the machine is
//! awake. A task that was woken during a pause stays unpolled; its waker is kept, and
//! [`wake`](Process::wake) polls all tasks once the machine goes on. Spurious polls are harmless,
//! lost ones are not, so every change of the clock or of the network wakes all tasks.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dsync::env::{BoxFuture, Env, Instant};

use super::machine::Machine;
use super::timer::Timer;
use crate::history::{At, Event, Verb};
use crate::sim::rng::Rng;
use crate::tasks;

/// One process on a machine.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) machine: Arc<Machine>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tasks: BTreeMap<u64, Arc<Task>>,
    started: u64,
    killed: bool,
    rng: Rng,
    terms: Vec<Held>,
    /// How many timers that were due at once were asked for at the present instant.
    busy: (At, u32),
}

/// So many timers that are due at once are a loop that takes no time. It would stand still for
/// ever on a virtual clock, so the last one never fires.
const ENDLESS: u32 = 10_000;

/// A term as user code of this process knows it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) term: u64,
    pub(crate) key: usize,
    pub(crate) handle: dsync::Term,
    /// How many bodies it has.
    pub(crate) bodies: Arc<AtomicUsize>,
}

struct Task {
    future: Mutex<Option<BoxFuture<()>>>,
    waker: Mutex<Option<Waker>>,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    /// A process on `machine`.
    pub(crate) fn start(machine: &Arc<Machine>, rng: Rng) -> Arc<Self> {
        let process = Arc::new(Self {
            machine: Arc::clone(machine),
            state: Mutex::new(State {
                tasks: BTreeMap::new(),
                started: 0,
                killed: false,
                rng,
                terms: Vec::new(),
                busy: (At::ZERO, 0),
            }),
        });
        machine.boot(&process);
        process
    }

    pub(crate) fn env(self: &Arc<Self>) -> NodeEnv {
        NodeEnv(Arc::clone(self))
    }

    /// Runs a task on it.
    pub(crate) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        self.run(Box::pin(future));
    }

    fn run(self: &Arc<Self>, future: BoxFuture<()>) {
        let task = Arc::new(Task { future: Mutex::new(Some(future)), waker: Mutex::new(None) });
        let id = {
            let mut state = lock(&self.state);
            if state.killed {
                return;
            }
            state.started += 1;
            let id = state.started;
            state.tasks.insert(id, Arc::clone(&task));
            id
        };
        tasks::spawn(Running { process: Arc::clone(self), task, id });
    }

    /// Sleeps on its clock.
    pub(crate) fn sleep(self: &Arc<Self>, wait: Duration) -> impl Future<Output = ()> + use<> {
        Timer::new(&self.machine, wait)
    }

    /// Counts a timer that is due at once.
    fn is_endless(&self) -> bool {
        let now = self.machine.recorder.now();
        let mut state = lock(&self.state);
        if state.busy.0 != now {
            state.busy = (now, 0);
        }
        state.busy.1 += 1;
        state.busy.1 > ENDLESS
    }

    /// How many tasks are there.
    pub(crate) fn tasks(&self) -> usize {
        lock(&self.state).tasks.len()
    }

    /// Polls every task: the clock or a link has changed, or the process goes on after a pause.
    pub(crate) fn wake(&self) {
        let tasks: Vec<_> = lock(&self.state).tasks.values().cloned().collect();
        for task in tasks {
            let waker = lock(&task.waker).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    pub(super) fn kill(&self) {
        let (tasks, terms) = {
            let mut state = lock(&self.state);
            state.killed = true;
            (std::mem::take(&mut state.tasks), std::mem::take(&mut state.terms))
        };
        // `killed` is set before any future is dropped. A destructor may spawn a task, and nothing may
        // run on a killed process. The futures are dropped without the lock on the state, because
        // their destructors may call back into the process.
        for task in tasks.values() {
            let future = lock(&task.future).take();
            drop(future);
            let waker = lock(&task.waker).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        drop(terms);
    }

    /// User code of this process has got a term.
    pub(crate) fn hold(&self, held: Held) {
        lock(&self.state).terms.push(held);
    }

    /// User code is done with a term.
    pub(crate) fn forget(&self, term: u64) {
        lock(&self.state).terms.retain(|held| held.term != term);
    }

    pub(crate) fn terms(&self) -> Vec<Held> {
        lock(&self.state).terms.clone()
    }

    /// User code asks whether its terms go on, before anything else of the process runs.
    pub(crate) fn ask(&self) {
        for held in self.terms() {
            let active = held.handle.is_active();
            let event = Event::Asked { term: held.term, active };
            self.machine.recorder.note(Some(self.machine.index), event);
        }
    }

    /// Writes down how the terms of `key` stand while a release is handed to the driver.
    pub(crate) fn witness(&self, verb: Verb, key: usize, token: u64) {
        if verb != Verb::Release {
            return;
        }
        for held in self.terms() {
            if held.key == key && held.handle.fencing_token().get() == token {
                let event = Event::Releasing {
                    term: held.term,
                    cancelled: is_over(&held.handle),
                    bodies: held.bodies.load(Ordering::SeqCst),
                };
                self.machine.recorder.note(Some(self.machine.index), event);
            }
        }
    }
}

/// Whether both kinds of user code know the end of the term: code that waits for it, and code that
/// asks whether the term is active.
fn is_over(term: &dsync::Term) -> bool {
    let mut ended = std::pin::pin!(term.ended());
    let is_ended = ended.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    is_ended && !term.is_active()
}

/// Drives a task on the runtime, as its machine allows.
struct Running {
    process: Arc<Process>,
    task: Arc<Task>,
    id: u64,
}

impl Future for Running {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // 1. Keep the waker first, so that a wake-up between the check of the machine and the return
        //    finds it.
        {
            let mut waker = lock(&self.task.waker);
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        // 2. An empty slot: the process was killed.
        let mut slot = lock(&self.task.future);
        let Some(future) = slot.as_mut() else { return Poll::Ready(()) };
        // 3. A process that stands still is not polled. `Machine::wake` polls it again.
        if self.process.machine.is_asleep() {
            return Poll::Pending;
        }
        // 4. A panic ends the task and is written down: no task of dsync may panic (6.01).
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        if let Ok(Poll::Pending) = polled {
            return Poll::Pending;
        }
        if polled.is_err() {
            let node = Some(self.process.machine.index);
            self.process.machine.recorder.note(node, Event::TaskPanicked);
        }
        // 5. Drop the future without the lock, since its destructor may wake or spawn tasks.
        let finished = slot.take();
        drop(slot);
        drop(finished);
        lock(&self.process.state).tasks.remove(&self.id);
        Poll::Ready(())
    }
}

/// The [`Env`] of a process.
#[derive(Clone, Debug)]
pub(crate) struct NodeEnv(Arc<Process>);

impl Env for NodeEnv {
    fn now(&self) -> Instant {
        Instant::at(self.0.machine.now())
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<()> {
        let wait = self.now().until(at);
        if wait.is_zero() && self.0.is_endless() {
            let event = Event::Endless { what: "sets timers that are due at once" };
            self.0.machine.recorder.note(Some(self.0.machine.index), event);
            return Box::pin(std::future::pending());
        }
        Box::pin(Timer::new(&self.0.machine, wait))
    }

    fn spawn(&self, task: BoxFuture<()>) {
        self.0.run(task);
    }

    fn random(&self) -> u64 {
        lock(&self.0.state).rng.draw()
    }
}
