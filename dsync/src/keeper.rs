//! The task that drives one tenure over a driver.
//!
//! A keeper performs one driver call at a time for its lease, so that renew and release never
//! race. It never dies silently: the reason for its end is in its status, which every handle
//! reads.

mod call;
mod command;
mod handle;
mod pool;
mod reporter;
mod request_limit;
mod services;
mod status;
mod watchdog;
mod watching;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, watch};

pub(crate) use self::command::Callback;
use self::command::Command;
pub(crate) use self::handle::{Ending, Handle, overrun};
pub(crate) use self::pool::KeeperPool;
use self::reporter::Reporter;
use self::services::Services;
pub(crate) use self::status::Status;
use self::watching::Watching;
use crate::driver::{Key, Observation, Verb};
use crate::env::{BoxFuture, Instant};
use crate::tenure::{Action, Answer, Event, Memory, Plan, Tenure};
use crate::term::{BodiesStatus, DropPolicy, Guarded};
use crate::{EndCause, Error, ErrorKind, Term, Timing};

/// Saves what a tenure knew at its end.
type SaveMemory = Box<dyn FnOnce(Memory) + Send>;

struct Keeper {
    /// Identifies this keeper to the bodies of its terms.
    id: u64,
    key: Key,
    services: Arc<Services>,
    timing: Timing,
    /// `None` only while the keeper is being dropped.
    tenure: Option<Tenure>,
    commands: mpsc::UnboundedReceiver<Command>,
    reporter: Reporter,
    /// They are started in every term, in the order in which they were registered.
    callbacks: Vec<Callback>,
    /// The term, until none of its bodies is left. It outlives its cancellation.
    term: Option<Term>,
    /// The one call in flight.
    call: Option<BoxFuture<Answer>>,
    watching: Watching,
    /// When a body that was closed counts as stopped.
    look_at: Option<Instant>,
    /// The timer, and the instant for which it is set.
    timer: Option<(Instant, BoxFuture<()>)>,
    save_memory: Option<SaveMemory>,
}

impl Keeper {
    /// Starts a keeper and returns its handle.
    fn spawn(
        services: &Arc<Services>,
        key: Key,
        timing: Timing,
        plan: Plan,
        memory: Memory,
        save_memory: SaveMemory,
    ) -> Handle {
        // Ids are unique in the process and not just in the `Dsync`: a body of one `Dsync` may call
        // `stop` on an election of another.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (commands, receiver) = mpsc::unbounded_channel();
        let (sender, status) = watch::channel(Status::default());
        let env = Arc::clone(&services.env);
        let keeper = Self {
            id,
            key: key.clone(),
            services: Arc::clone(services),
            timing: timing.clone(),
            tenure: Some(Tenure::new(plan, memory, move || env.random())),
            commands: receiver,
            reporter: Reporter::new(key.clone(), Arc::clone(services), sender),
            callbacks: Vec::new(),
            term: None,
            call: None,
            watching: Watching::default(),
            look_at: None,
            timer: None,
            save_memory: Some(save_memory),
        };
        // The task owns everything that the keeper needs. If the runtime is shut down before it is
        // polled, dropping it reports that to the handles.
        services.env.spawn(Box::pin(keeper.run()));
        Handle::new(id, key, timing, commands, status)
    }

    /// Feeds the tenure until it is done.
    ///
    /// 1. Start or drop the watch, as the tenure wants it now.
    /// 2. Set the timer. This comes after the watch, since a watch that just broke adds an
    ///    instant at which it is started again.
    /// 3. Wait for the next event.
    /// 4. Perform what the tenure makes of it.
    async fn run(mut self) {
        // The first step sends the first request without waiting for a timer.
        self.advance(Event::Tick);
        while self.tenure.as_ref().is_some_and(|tenure| !tenure.is_done()) {
            self.tend_watch();
            self.set_timer();
            let event = self.next().await;
            self.advance(event);
        }
    }

    /// Waits for the next event.
    ///
    /// The branches are polled in this order, so that of two that are ready the more urgent one
    /// wins:
    ///
    /// 1. A command. A `stop` that lost to an answer could see a term begin that it has to end.
    /// 2. The answer to the call. The tenure checks the clock before it takes the answer, so one
    ///    that is late extends nothing, although it comes before the timer.
    /// 3. The end of a body, which a release waits for.
    /// 4. The timer.
    /// 5. The watch, which is a hint and may lag.
    ///
    /// Dropping the losing futures loses nothing: the call, the timer and the watch are kept in
    /// the keeper, and the others are cancel safe.
    async fn next(&mut self) -> Event {
        let Self { commands, call, term, timer, watching, .. } = self;
        tokio::select! {
            biased;
            Some(command) = commands.recv() => match command {
                Command::Stop => Event::Stop,
                Command::Resign => Event::Resign,
                Command::Callback(callback) => {
                    // A term that began before the callback was registered calls it as well.
                    if let Some(term) = term.as_ref().filter(|term| term.is_active()) {
                        start(&self.services, term, callback.clone());
                    }
                    self.callbacks.push(callback);
                    Event::Tick
                }
            },
            answer = some(call) => {
                // Forget the call before the tenure sees its answer: the step may send the next.
                *call = None;
                Event::Answered(answer)
            }
            // The notification only says that something changed. `look_at_bodies` runs after every
            // step and finds out what.
            () = body_ended(term.as_ref()) => Event::Tick,
            () = some_timer(timer) => {
                // A timer that fired must not be polled again. `set_timer` makes a new one.
                *timer = None;
                Event::Tick
            }
            observation = watching.next() => match observation {
                Some(Ok(Observation::Record(record))) => Event::Observed(record),
                Some(Ok(Observation::Heartbeat)) => Event::Heartbeat,
                // A stream that ends has nothing more to say, and must not be polled again.
                Some(Err(error)) => {
                    let error = error.during(Verb::Watch, self.services.driver.name(), &self.key);
                    watching.ended(self.services.env.now(), self.timing.retry_period());
                    Event::WatchEnded(Some(error))
                }
                None => {
                    watching.ended(self.services.env.now(), self.timing.retry_period());
                    Event::WatchEnded(None)
                }
            },
        }
    }

    /// Starts or drops the watch.
    fn tend_watch(&mut self) {
        let Some(tenure) = &mut self.tenure else { return };
        let (now, driver) = (self.services.env.now(), &*self.services.driver);
        // The tenure must not rely on a watch that was dropped, or it would wait for an event
        // that never comes.
        if self.watching.tend(tenure.wants_watch(), now, driver, &self.key) {
            tenure.unwatched();
        }
    }

    /// Sets the timer to the earliest instant at which something is due.
    fn set_timer(&mut self) {
        // Three sources: the tenure, a watch that broke, and a body that counts as stopped by then.
        let tenure = self.tenure.as_ref();
        let rewatch = self.watching.wake(tenure.is_some_and(Tenure::wants_watch));
        let wake = tenure.and_then(Tenure::wake);
        let Some(at) = wake.into_iter().chain(rewatch).chain(self.look_at).min() else {
            self.timer = None;
            return;
        };
        // A timer that is set already is kept: a new one for each event would cost more than the
        // events themselves.
        if self.timer.as_ref().is_none_or(|(set, _)| *set != at) {
            self.timer = Some((at, self.services.env.sleep_until(at)));
        }
    }

    /// Passes an event to the tenure and performs what it returns, until nothing follows.
    ///
    /// An action may cause another event at once: an extension finds that the term has lapsed, or
    /// a cancelled term has no body. Such events are queued and taken in this call. If they
    /// waited for the next turn of the loop, the release of a term without bodies would wait for
    /// the next timer.
    fn advance(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            // The clock is read for each event. An earlier action may have taken time, such as a
            // slow monitor, and a step with an old `now` would find a deadline that has passed not
            // passed.
            let now = self.services.env.now();
            let Some(tenure) = &mut self.tenure else { return };
            for action in tenure.step(now, event) {
                self.perform(action, &mut events);
            }
            // Bodies are looked at when no event is left, so that a cancellation in the queue
            // closes its bodies before they are counted.
            if events.is_empty() {
                self.look_at_bodies(&mut events);
            }
        }
    }

    /// Finds bodies that panicked, and finds out whether any body of a cancelled term is left.
    fn look_at_bodies(&mut self, events: &mut VecDeque<Event>) {
        self.look_at = None;
        let Some(term) = &self.term else { return };
        // 1. The status is taken first: it collects the panics of the bodies that it removes. A
        //    panic that was looked for before would be lost together with its term.
        let status = term.0.bodies_status();
        // 2. A panic ends the term, so it comes before the question of what is left of it.
        if term.0.bodies.take_panicked() {
            self.reporter.panicked();
            events.push_back(Event::BodyPanicked);
            return;
        }
        // 3. Only a term that was cancelled waits for its bodies. One that goes on may have none.
        if !self.tenure.as_ref().is_some_and(Tenure::is_draining) {
            return;
        }
        match status {
            BodiesStatus::Running { look_at } => self.look_at = look_at,
            BodiesStatus::Stopped => {
                // The term is forgotten together with the event: a second look must not report the
                // end of the same bodies again.
                let overran = term.0.bodies.overran();
                self.term = None;
                events.push_back(Event::BodiesStopped { overran });
            }
        }
    }

    /// Performs one action of the tenure. Actions come in the order in which they have to happen,
    /// and each is complete before the next: `Cancel` is reported before `Send` sends the release.
    fn perform(&mut self, action: Action, events: &mut VecDeque<Event>) {
        match action {
            Action::Send(call) => {
                // The tenure sends only when no call is in flight, so this drops no other call. The
                // future starts when it is polled in `next`, after the actions of this step.
                self.call = Some(call::perform(&self.services, &self.key, call));
            }
            Action::Elect(grant) => {
                let env = Arc::clone(&self.services.env);
                let grace = self.timing.retry_period();
                let term = Term::begin(self.key.clone(), &grant, env, self.id, grace);
                if let Some(watchdog) = &self.services.watchdog {
                    watchdog.watch(&term, &self.services.env);
                }
                for callback in &self.callbacks {
                    start(&self.services, &term, callback.clone());
                }
                self.term = Some(term.clone());
                // The status comes last: a handle that sees the term finds its watchdog and its
                // callbacks in place.
                self.reporter.elected(term, &grant.holder);
            }
            Action::Extend { valid_until, hard_deadline } => {
                let Some(term) = &self.term else { return };
                // Measured before the deadline moves: it is the time that was left.
                let headroom = term.remaining();
                // `false`: a caller has seen the term end at its old deadline, between the step
                // that took the answer and this one. What a caller saw stays true, so the term
                // ends.
                if term.0.extend(valid_until, hard_deadline) {
                    self.reporter.renewed(headroom);
                } else if !self.tenure.as_ref().is_some_and(Tenure::is_draining) {
                    events.push_back(Event::Lapsed);
                }
            }
            Action::Cancel(cause) => {
                let Some(term) = &self.term else { return };
                // The term is cancelled before its end is reported, and reported before bodies
                // are closed: `is_leader()` is false for everyone before the first body stops.
                term.0.cancel(cause);
                self.reporter.cancelled(cause);
                term.0.close_runs();
            }
            Action::DropBodies => {
                // `self.term` is `None` if its last body has stopped already.
                if let Some(term) = &self.term {
                    term.0.close_all();
                }
            }
            // The others only report.
            Action::Overrun => self.reporter.overran(),
            Action::Settle(settled) => self.reporter.settled(settled),
            Action::Leader(leader) => self.reporter.leader(leader),
            Action::Trouble(error) => self.reporter.trouble(error),
            Action::TokenWentBack { granted, seen } => {
                self.reporter.token_went_back(granted, seen);
            }
            Action::Finish(finish) => self.reporter.finished(finish),
        }
    }
}

/// Starts a callback as a body of `term`, in a task of its own.
///
/// The body is registered here and not in the task: a task that is scheduled late would register
/// after the release was sent.
fn start(services: &Services, term: &Term, callback: Callback) {
    let body = Guarded::new(&term.0, DropPolicy::OwnTask, callback.call(term.clone()));
    services.env.spawn(Box::pin(async move {
        body.await;
    }));
}

/// Completes with the answer to the call. Without a call it never completes.
async fn some(call: &mut Option<BoxFuture<Answer>>) -> Answer {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

/// Completes when the timer fires. Without a timer it never completes.
async fn some_timer(timer: &mut Option<(Instant, BoxFuture<()>)>) {
    match timer {
        Some((_, timer)) => timer.await,
        None => std::future::pending().await,
    }
}

/// Completes when a body of the term has ended. It covers a term that was cancelled as well, whose
/// bodies are what the release waits for.
async fn body_ended(term: Option<&Term>) {
    match term {
        Some(term) => term.0.bodies.changed().await,
        None => std::future::pending().await,
    }
}

impl Drop for Keeper {
    /// Ends the term and reports why, also if the runtime is shut down or the keeper panics.
    fn drop(&mut self) {
        // 1. No body goes on without a keeper that renews its lease.
        if let Some(term) = self.term.take() {
            term.0.cancel(EndCause::Stopped);
            term.0.close_all();
        }
        // 2. Callers that wait for the keeper are woken with an error.
        let why = if std::thread::panicking() {
            "the task that keeps the lease panicked; the panic message says where"
        } else {
            "the runtime was shut down"
        };
        self.reporter.dropped(Error::definite(ErrorKind::Internal, why));
        // 3. The next tenure of the key learns what this one knew.
        if let (Some(tenure), Some(save)) = (self.tenure.take(), self.save_memory.take()) {
            save(tenure.into_memory());
        }
    }
}
