//! What the user code of a candidate does, and what it notices.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsync::{Election, Term};
use tokio::sync::Notify;

use super::names::ELECTION;
use crate::history::Event;
use crate::sim::node::{Held, Process};
use crate::sim::recorder::Recorder;
use crate::sim::schedule::Work;

/// What the terms of each key write to: it accepts no token lower than the highest it has seen.
#[derive(Debug)]
pub(crate) struct Register {
    recorder: Recorder,
    highest: Mutex<BTreeMap<usize, u64>>,
}

impl Register {
    pub(crate) fn new(recorder: &Recorder) -> Self {
        Self { recorder: recorder.clone(), highest: Mutex::default() }
    }

    pub(crate) fn write(&self, node: usize, key: usize, token: u64) {
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        let highest = highest.entry(key).or_default();
        let accepted = token >= *highest;
        *highest = token.max(*highest);
        self.recorder.note(Some(node), Event::Register { key, token, accepted });
    }
}

/// Lets the body of the present term panic.
#[derive(Debug, Default)]
pub(crate) struct Panics {
    wanted: AtomicBool,
    notify: Notify,
}

impl Panics {
    pub(crate) fn panic_now(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    async fn wanted(&self) {
        let notified = self.notify.notified();
        if !self.wanted.load(Ordering::SeqCst) {
            notified.await;
        }
        self.wanted.store(false, Ordering::SeqCst);
        // Not by `panic!`, which would print a message about what is no mistake.
        std::panic::resume_unwind(Box::new("the schedule says so"));
    }
}

/// Registers the work of a candidate, and writes down what its user notices.
pub(super) fn campaign(
    election: &Election,
    process: &Arc<Process>,
    work: Work,
    register: &Arc<Register>,
    panics: &Arc<Panics>,
    lease_ms: u64,
) {
    let (process, register, panics) =
        (Arc::clone(process), Arc::clone(register), Arc::clone(panics));
    let candidate = process.machine.recorder.name();
    election.when_elected(move |term| {
        // A panic that was requested of an earlier term must not hit this one.
        panics.wanted.store(false, Ordering::SeqCst);
        let user = User::elected(&process, ELECTION, candidate, &term);
        let (register, panics) = (Arc::clone(&register), Arc::clone(&panics));
        let pause = Duration::from_millis(lease_ms / 5);
        async move { user.work(term, work, pause, &register, &panics).await }
    });
}

/// User code that holds a term.
pub(super) struct User {
    process: Arc<Process>,
    key: usize,
    term: u64,
    bodies: Arc<AtomicUsize>,
}

impl User {
    /// User code learns that it was elected.
    pub(super) fn elected(process: &Arc<Process>, key: usize, candidate: u64, term: &Term) -> Self {
        let machine = &process.machine;
        let (recorder, node) = (machine.recorder.clone(), Some(machine.index));
        let name = recorder.name();
        let token = term.fencing_token().get();
        recorder.note(node, Event::Elected { term: name, key, token, candidate });
        let bodies = Arc::new(AtomicUsize::new(0));
        process.hold(Held { term: name, key, handle: term.clone(), bodies: Arc::clone(&bodies) });
        let (ended, handle, owner) = (term.ended(), term.clone(), Arc::clone(process));
        let left = Arc::clone(&bodies);
        process.spawn(async move {
            ended.await;
            recorder.note(node, Event::Cancelled { term: name, cause: handle.cause() });
            recorder.note(node, Event::Asked { term: name, active: handle.is_active() });
            // Until the last body has gone, the term is looked at before a release.
            while left.load(Ordering::SeqCst) > 0 {
                owner.sleep(Duration::from_millis(50)).await;
            }
            owner.sleep(Duration::from_secs(1)).await;
            owner.forget(name);
        });
        Self { process: Arc::clone(process), key, term: name, bodies }
    }

    fn body(&self) -> Body {
        let recorder = self.process.machine.recorder.clone();
        let node = Some(self.process.machine.index);
        let body = recorder.name();
        recorder.note(node, Event::BodyStarted { term: self.term, body });
        self.bodies.fetch_add(1, Ordering::SeqCst);
        Body { recorder, node, term: self.term, name: body, bodies: Arc::clone(&self.bodies) }
    }

    /// The work of an election.
    async fn work(self, term: Term, work: Work, pause: Duration, to: &Register, panics: &Panics) {
        let body = self.body();
        let busy = async {
            loop {
                self.write(&body, &term, to);
                self.process.sleep(pause).await;
            }
        };
        let busy = async {
            match work {
                Work::Prompt => {
                    tokio::select! {
                        biased;
                        () = term.ended() => {}
                        () = busy => {}
                    }
                }
                Work::Stubborn => busy.await,
                Work::Brief => self.process.sleep(pause / 2).await,
                Work::Guarded => {
                    let inner = self.body();
                    term.run(async move {
                        let _inner = inner;
                        busy.await;
                    })
                    .await;
                    self.process.sleep(pause * 30).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = panics.wanted() => {}
            () = busy => {}
        }
    }

    /// The work of a lock.
    pub(super) async fn hold(&self, term: &Term, to: &Register, pause: Duration) {
        let body = self.body();
        loop {
            self.write(&body, term, to);
            self.process.sleep(pause).await;
        }
    }

    fn write(&self, body: &Body, term: &Term, to: &Register) {
        let active = term.is_active();
        let event = Event::BodyPolled { term: self.term, body: body.name, active };
        body.recorder.note(body.node, event);
        to.write(self.process.machine.index, self.key, term.fencing_token().get());
    }
}

/// A body of a term, while it is there.
struct Body {
    recorder: Recorder,
    node: Option<usize>,
    term: u64,
    name: u64,
    bodies: Arc<AtomicUsize>,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.bodies.fetch_sub(1, Ordering::SeqCst);
        let event = Event::BodyStopped { term: self.term, body: self.name };
        self.recorder.note(self.node, event);
    }
}
