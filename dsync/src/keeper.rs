//! The task that drives one tenure over a driver.
//!
//! A keeper performs one driver call at a time for its lease, so that renew and release never
//! race. It never dies silently: whatever ends it is in its status, where every handle sees it.

mod call;
mod gate;
mod handle;
mod status;
mod watchdog;

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

pub(crate) use self::call::read;
pub(crate) use self::gate::Gate;
pub(crate) use self::handle::{Ending, Handle, Life, overrun};
pub(crate) use self::status::Status;
pub(crate) use self::watchdog::Watchdog;
use crate::driver::{Driver, Key, Observation, Verb, Watch};
use crate::env::{BoxFuture, Env, Instant};
use crate::monitor::{Monitor, MonitorEvent};
use crate::tenure::{Action, Answer, Event, Finish, Memory, Plan, Settled, Tenure};
use crate::term::{Bodily, Care, Guarded};
use crate::{EndCause, Error, ErrorKind, FencingToken, Result, Term, Timing};

/// Where keepers work: what all of one `Dsync` share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) gate: Gate,
    pub(crate) watchdog: Option<Watchdog>,
    pub(crate) monitor: Option<MonitorHook>,
}

/// A monitor that can be printed.
#[derive(Clone)]
pub(crate) struct MonitorHook(pub(crate) Monitor);

impl fmt::Debug for MonitorHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Monitor")
    }
}

impl Site {
    fn report(&self, report: &MonitorEvent) {
        if let Some(MonitorHook(monitor)) = &self.monitor {
            monitor(report);
        }
    }
}

/// What a handle asks of its keeper.
#[derive(Debug)]
pub(crate) enum Command {
    Stop,
    Resign,
    Callback(Callback),
}

/// A function of the user's that runs once in each term.
#[derive(Clone)]
pub(crate) struct Callback(Arc<Mutex<CallbackFn>>);

type CallbackFn = Box<dyn FnMut(Term) -> BoxFuture<()> + Send>;

impl Callback {
    pub(crate) fn new<F, Fut>(mut function: F) -> Self
    where
        F: FnMut(Term) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(Mutex::new(Box::new(move |term| Box::pin(function(term))))))
    }

    async fn call(self, term: Term) {
        let future = {
            let mut function = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            function(term)
        };
        future.await;
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}

/// What a keeper leaves behind when it ends.
pub(crate) type Legacy = Box<dyn FnOnce(Memory) + Send>;

pub(crate) struct Keeper {
    id: u64,
    key: Key,
    site: Arc<Site>,
    timing: Timing,
    /// `None` only while the keeper is being dropped.
    tenure: Option<Tenure>,
    commands: mpsc::UnboundedReceiver<Command>,
    status: watch::Sender<Status>,
    callbacks: Vec<Callback>,
    /// The term, until none of its bodies is left.
    term: Option<Term>,
    /// The token of the last term.
    token: FencingToken,
    call: Option<BoxFuture<Answer>>,
    watch: Option<Watch>,
    watch_after: Instant,
    /// When a body that was closed counts as stopped.
    look_at: Option<Instant>,
    timer: Option<(Instant, BoxFuture<()>)>,
    legacy: Option<Legacy>,
}

impl Keeper {
    /// Starts a keeper.
    pub(crate) fn spawn(
        site: &Arc<Site>,
        key: Key,
        timing: Timing,
        plan: Plan,
        memory: Memory,
        legacy: Legacy,
    ) -> Handle {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (commands, receiver) = mpsc::unbounded_channel();
        let (sender, status) = watch::channel(Status::default());
        let env = Arc::clone(&site.env);
        let keeper = Self {
            id,
            key: key.clone(),
            site: Arc::clone(site),
            timing: timing.clone(),
            tenure: Some(Tenure::new(plan, memory, move || env.random())),
            commands: receiver,
            status: sender,
            callbacks: Vec::new(),
            term: None,
            token: FencingToken::ZERO,
            call: None,
            watch: None,
            watch_after: Instant::EPOCH,
            look_at: None,
            timer: None,
            legacy: Some(legacy),
        };
        site.env.spawn(Box::pin(keeper.run()));
        Handle { id, key, timing, commands, status, life: Arc::new(Life::default()) }
    }

    async fn run(mut self) {
        self.advance(Event::Tick);
        while self.tenure.as_ref().is_some_and(|tenure| !tenure.is_done()) {
            self.tend_watch();
            self.set_timer();
            let event = self.next().await;
            self.advance(event);
        }
    }

    /// Waits for the next thing that happens.
    async fn next(&mut self) -> Event {
        let Self { commands, call, term, timer, watch, .. } = self;
        tokio::select! {
            biased;
            Some(command) = commands.recv() => match command {
                Command::Stop => Event::Stop,
                Command::Resign => Event::Resign,
                Command::Callback(callback) => {
                    if let Some(term) = term.as_ref().filter(|term| term.is_active()) {
                        start(&self.site, term, callback.clone());
                    }
                    self.callbacks.push(callback);
                    Event::Tick
                }
            },
            answer = some(call) => {
                *call = None;
                Event::Answered(answer)
            }
            () = ended(term.as_ref()) => Event::Tick,
            () = some_timer(timer) => {
                *timer = None;
                Event::Tick
            }
            heard = next_of(watch) => match heard {
                Some(Ok(Observation::Record(record))) => Event::Heard(record),
                Some(Ok(Observation::Heartbeat)) => Event::Heartbeat,
                Some(Err(error)) => {
                    *watch = None;
                    let error = error.during(Verb::Watch, self.site.driver.name(), &self.key);
                    self.watch_after = self.site.env.now() + self.timing.retry_period();
                    Event::WatchEnded(Some(error))
                }
                None => {
                    *watch = None;
                    self.watch_after = self.site.env.now() + self.timing.retry_period();
                    Event::WatchEnded(None)
                }
            },
        }
    }

    fn tend_watch(&mut self) {
        let wanted = self.tenure.as_ref().is_some_and(Tenure::wants_watch);
        if !wanted {
            if let (Some(_), Some(tenure)) = (self.watch.take(), &mut self.tenure) {
                tenure.unwatched();
            }
        } else if self.watch.is_none() && self.site.env.now() >= self.watch_after {
            self.watch = Some(self.site.driver.watch(&self.key));
        }
    }

    fn set_timer(&mut self) {
        let tenure = self.tenure.as_ref();
        let rewatch = (self.watch.is_none() && tenure.is_some_and(Tenure::wants_watch))
            .then_some(self.watch_after);
        let wake = tenure.and_then(Tenure::wake);
        let Some(at) = wake.into_iter().chain(rewatch).chain(self.look_at).min() else {
            self.timer = None;
            return;
        };
        if self.timer.as_ref().is_none_or(|(set, _)| *set != at) {
            self.timer = Some((at, self.site.env.sleep_until(at)));
        }
    }

    /// Tells the tenure of an event, and does what it says, until nothing follows.
    fn advance(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.site.env.now();
            let Some(tenure) = &mut self.tenure else { return };
            for action in tenure.step(now, event) {
                self.perform(action, &mut events);
            }
            if events.is_empty() {
                self.look_at_bodies(&mut events);
            }
        }
    }

    fn look_at_bodies(&mut self, events: &mut VecDeque<Event>) {
        self.look_at = None;
        let Some(term) = &self.term else { return };
        let now = self.site.env.now();
        let hard = term.0.clock.hard_deadline();
        let standing = term.0.bodies.standing(now, hard, term.0.grace, term.0.slack);
        if term.0.bodies.take_panicked() {
            tracing::error!(
                target: "dsync",
                key = %self.key,
                token = %term.fencing_token(),
                "a body panicked, its term ends"
            );
            events.push_back(Event::BodyPanicked);
            return;
        }
        if !self.tenure.as_ref().is_some_and(Tenure::is_draining) {
            return;
        }
        match standing {
            Bodily::Running { look_at } => self.look_at = look_at,
            Bodily::Stopped => {
                let overran = term.0.bodies.overran();
                self.term = None;
                events.push_back(Event::BodiesStopped { overran });
            }
        }
    }

    fn perform(&mut self, action: Action, events: &mut VecDeque<Event>) {
        let key = &self.key;
        match action {
            Action::Send(call) => self.call = Some(call::perform(&self.site, key, call)),
            Action::Elect(grant) => {
                let env = Arc::clone(&self.site.env);
                let grace = self.timing.retry_period();
                let term = Term::begin(key.clone(), &grant, env, self.id, grace);
                let token = term.fencing_token();
                tracing::info!(target: "dsync", %key, %token, holder = %grant.holder, "elected");
                if let Some(watchdog) = &self.site.watchdog {
                    watchdog.watch(&term, &self.site.env);
                }
                for callback in &self.callbacks {
                    start(&self.site, &term, callback.clone());
                }
                self.term = Some(term.clone());
                self.token = token;
                self.status.send_modify(|status| {
                    status.term = Some(term);
                    status.overrun = None;
                });
                self.site.report(&MonitorEvent::Elected { key: key.clone(), token });
            }
            Action::Extend { valid_until, hard_deadline } => {
                let Some(term) = &self.term else { return };
                let headroom = term.remaining();
                if term.extend(valid_until, hard_deadline) {
                    let token = term.fencing_token();
                    self.site.report(&MonitorEvent::Renewed { key: key.clone(), token, headroom });
                } else if !self.tenure.as_ref().is_some_and(Tenure::is_draining) {
                    events.push_back(Event::Lapsed);
                }
            }
            Action::Cancel(cause) => {
                let Some(term) = &self.term else { return };
                let token = term.fencing_token();
                term.cancel(cause);
                self.status.send_modify(|status| status.term = None);
                tracing::info!(target: "dsync", %key, %token, ?cause, "term ended");
                self.site.report(&MonitorEvent::Cancelled { key: key.clone(), token, cause });
                term.close_runs();
            }
            Action::DropBodies => {
                if let Some(term) = &self.term {
                    term.close_all();
                }
            }
            Action::Overrun => self.overrun(),
            Action::Settle(settled) => self.settle(settled),
            Action::Leader(leader) => {
                tracing::debug!(target: "dsync", %key, ?leader, "leader");
                self.status.send_modify(|status| status.leader = leader);
            }
            Action::Trouble(error) => {
                if let Some(error) = &error {
                    tracing::warn!(target: "dsync", %key, %error, "trouble");
                } else {
                    tracing::info!(target: "dsync", %key, "trouble is over");
                }
                self.site.report(&MonitorEvent::Trouble { key: key.clone(), error: error.clone() });
                self.status.send_modify(|status| status.trouble = error);
            }
            Action::TokenWentBack { granted, seen } => {
                tracing::error!(
                    target: "dsync", %key, %granted, %seen,
                    "the store granted a token that is not higher than one seen before"
                );
                self.site.report(&MonitorEvent::TokenWentBack { key: key.clone(), granted, seen });
            }
            Action::Finish(finish) => {
                if let Finish::Failed(error) = &finish {
                    tracing::error!(target: "dsync", %key, %error, "gave up");
                }
                self.status.send_modify(|status| status.finish = Some(finish));
            }
        }
    }

    fn overrun(&mut self) {
        let (key, token) = (&self.key, self.token);
        tracing::error!(
            target: "dsync", %key, %token,
            "work did not stop by the hard deadline; the lease is not released"
        );
        self.site.report(&MonitorEvent::Overrun { key: key.clone(), token });
        self.status.send_modify(|status| status.overrun = Some(token));
    }

    fn settle(&mut self, settled: Settled) {
        let (key, token) = (&self.key, self.token);
        tracing::debug!(target: "dsync", %key, %token, ?settled, "term settled");
        let released = matches!(settled, Settled::Released);
        self.site.report(&MonitorEvent::Settled { key: key.clone(), token, released });
        self.status.send_modify(|status| {
            status.settled = Some((token, settled));
            status.overrun = None;
        });
    }
}

/// Starts a callback as a body of `term`.
fn start(site: &Site, term: &Term, callback: Callback) {
    let body = Guarded::new(term, Care::Owned, callback.call(term.clone()));
    site.env.spawn(Box::pin(async move {
        body.await;
    }));
}

async fn some(call: &mut Option<BoxFuture<Answer>>) -> Answer {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

async fn some_timer(timer: &mut Option<(Instant, BoxFuture<()>)>) {
    match timer {
        Some((_, timer)) => timer.await,
        None => std::future::pending().await,
    }
}

async fn ended(term: Option<&Term>) {
    match term {
        Some(term) => term.0.bodies.changed().await,
        None => std::future::pending().await,
    }
}

async fn next_of(watch: &mut Option<Watch>) -> Option<Result<Observation>> {
    match watch {
        Some(watch) => poll_fn(|cx| watch.as_mut().poll_next(cx)).await,
        None => std::future::pending().await,
    }
}

impl Drop for Keeper {
    /// Also when the runtime goes away under it, or when it panics.
    fn drop(&mut self) {
        if let Some(term) = self.term.take() {
            term.cancel(EndCause::Stopped);
            term.close_all();
        }
        let why = if std::thread::panicking() {
            "the task that keeps the lease panicked; the panic message says where"
        } else {
            "the runtime was shut down"
        };
        self.status.send_modify(|status| {
            status.term = None;
            status
                .finish
                .get_or_insert_with(|| Finish::Failed(Error::definite(ErrorKind::Internal, why)));
        });
        if let (Some(tenure), Some(legacy)) = (self.tenure.take(), self.legacy.take()) {
            legacy(tenure.into_memory());
        }
    }
}
