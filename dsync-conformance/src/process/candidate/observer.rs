//! What the user code of a candidate observes of its terms.
//!
//! The hard part is the instant of each observation. A process may be stopped (SIGSTOP) between any
//! two instructions, so what it reads from the clock *after* a check may be seconds later than the
//! check. Every instant here is therefore read before the check that it belongs to: a `true` from
//! `is_active()` is reported for an instant at which it was at least as right as when it was given.
//! Otherwise a pause between the two would make a correct core look as if its term had outlived its
//! deadline (2.05).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use dsync::Term;

use super::clock;
use super::message::{CandidateEvent, Cause};
use super::reporter::Reporter;
use crate::tasks;

/// How often terms are asked whether they are active.
const ASK: Duration = Duration::from_millis(2);
/// How often the same answer is said again.
const REPEAT: Duration = Duration::from_millis(100);
/// When nothing was asked for so long, the process stood still.
const STALL: Duration = Duration::from_millis(100);
/// How many terms are asked, long after they are over too.
const TERMS: usize = 8;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A term as user code knows it.
pub(super) struct Held {
    pub(super) term: u64,
    pub(super) handle: Term,
    reporter: Arc<Reporter>,
    bodies: AtomicUsize,
    reported: Mutex<bool>,
    answers: Mutex<Answers>,
}

/// What `is_active()` has said.
#[derive(Default)]
struct Answers {
    last: Option<(Duration, bool)>,
    said: Option<(Duration, bool)>,
}

impl Held {
    /// Says that the term is over, if it is and that was not said.
    fn look(&self) -> bool {
        let mut ended = std::pin::pin!(self.handle.ended());
        let over = ended.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        // The lock is held until `Cancelled` is written. Three threads call this method: the task
        // that waits for the end, the thread that polls, and the one that releases. Whichever of
        // them reports what follows from the end, such as `Releasing`, must write it after
        // `Cancelled`, or a correct core would seem to release before it cancels (2.07).
        let mut reported = lock(&self.reported);
        if over && !std::mem::replace(&mut *reported, true) {
            let cause = self.handle.cause().and_then(Cause::of);
            self.reporter.report(CandidateEvent::Cancelled { term: self.term, cause });
        }
        over
    }

    /// Asks whether the term is active. `at` was read before the call.
    ///
    /// Only news is reported: a changed answer, the first answer after a stall (`anew`), or the same
    /// answer after a while. Before a changed answer, the last time of the old one is reported too.
    fn ask(&self, at: Duration, anew: bool) {
        let active = self.handle.is_active();
        let mut answers = lock(&self.answers);
        let is_news = match answers.said {
            None => true,
            Some((when, said)) => said != active || anew || at.saturating_sub(when) >= REPEAT,
        };
        let asked = |active| CandidateEvent::Asked { term: self.term, active };
        if is_news {
            // How long it was the other answer.
            if let Some((when, last)) = answers.last
                && last != active
                && answers.said != answers.last
            {
                self.reporter.report_at(when, asked(last));
            }
            self.reporter.report_at(at, asked(active));
            answers.said = Some((at, active));
        }
        answers.last = Some((at, active));
    }
}

/// A body of a term, while it is there.
pub(super) struct Body {
    held: Arc<Held>,
    name: u64,
    /// When it was polled last, in nanoseconds.
    polled: AtomicU64,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.held
            .reporter
            .report(CandidateEvent::BodyStopped { term: self.held.term, body: self.name });
        self.held.bodies.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The terms of a process.
#[derive(Default)]
pub(super) struct Observer {
    pub(super) reporter: Arc<Reporter>,
    held: Mutex<VecDeque<Arc<Held>>>,
    /// When terms were asked last, in nanoseconds.
    asked: AtomicU64,
    /// From when to when the process last stood still.
    stall: Mutex<Option<(Duration, Duration)>>,
}

impl Observer {
    /// Records that user code was elected.
    pub(super) fn elected(self: &Arc<Self>, term: &Term, candidate: u64) -> Arc<Held> {
        // Report the end of earlier terms first, so that the order of the events is right (2.01).
        for held in self.held() {
            held.look();
        }
        let held = Arc::new(Held {
            term: self.reporter.name(),
            handle: term.clone(),
            reporter: Arc::clone(&self.reporter),
            bodies: AtomicUsize::new(0),
            reported: Mutex::default(),
            answers: Mutex::default(),
        });
        let token = term.fencing_token().get();
        self.reporter.report(CandidateEvent::Elected { term: held.term, token, candidate });
        {
            let mut all = lock(&self.held);
            all.push_back(Arc::clone(&held));
            if all.len() > TERMS {
                all.pop_front();
            }
        }
        let (ended, watched) = (term.ended(), Arc::clone(&held));
        tasks::spawn(async move {
            ended.await;
            watched.look();
        });
        held
    }

    fn held(&self) -> Vec<Arc<Held>> {
        lock(&self.held).iter().cloned().collect()
    }

    /// A body of a term begins.
    pub(super) fn begin(&self, held: &Arc<Held>) -> Body {
        let body = self.reporter.name();
        held.bodies.fetch_add(1, Ordering::SeqCst);
        self.reporter.report(CandidateEvent::BodyStarted { term: held.term, body });
        Body { held: Arc::clone(held), name: body, polled: AtomicU64::new(nanos(clock::now())) }
    }

    /// A body of a term is polled.
    pub(super) fn polled(&self, body: &Body) {
        let now = clock::now();
        // A poll that was in progress when the process was stopped ends after it goes on, but is not
        // a poll after the pause. It is reported for an instant before the pause:
        // - if the asking thread already ran again, it has recorded the stall and where that began;
        // - if it has not, its last round was long ago, and that was before the pause.
        let asked = Duration::from_nanos(self.asked.load(Ordering::SeqCst));
        let before = Duration::from_nanos(body.polled.swap(nanos(now), Ordering::SeqCst));
        let stall = lock(&self.stall).filter(|(from, to)| before < *from && now < *to + 10 * ASK);
        let at = match stall {
            Some((from, _)) => from,
            None if now.saturating_sub(asked) > 10 * ASK => asked,
            None => now,
        };
        let active = body.held.handle.is_active();
        let what = CandidateEvent::BodyPolled { term: body.held.term, body: body.name, active };
        self.reporter.report_at(at, what);
    }

    /// A release of the lease with this token is handed to the driver.
    pub(super) fn releasing(&self, token: u64) {
        for held in self.held() {
            if held.handle.fencing_token().get() == token {
                let cancelled = held.look() && !held.handle.is_active();
                let bodies = held.bodies.load(Ordering::SeqCst);
                self.reporter.report(CandidateEvent::Releasing {
                    term: held.term,
                    cancelled,
                    bodies,
                });
            }
        }
    }

    /// Asks the terms all the time, from a thread of its own: the first thing that runs again
    /// when the process goes on.
    pub(super) fn watch(self: &Arc<Self>) -> std::io::Result<()> {
        let observer = Arc::clone(self);
        observer.store(clock::now());
        let ask = move || {
            loop {
                let before = Duration::from_nanos(observer.asked.load(Ordering::SeqCst));
                let at = clock::now();
                let stalled = at.saturating_sub(before) > STALL;
                if stalled {
                    *lock(&observer.stall) = Some((before, at));
                    observer.reporter.report_at(at, CandidateEvent::StoodStill { from: before });
                }
                for held in observer.held() {
                    held.ask(at, stalled);
                    held.look();
                }
                observer.store(at);
                thread::park_timeout(ASK);
            }
        };
        thread::Builder::new().name("asks".to_owned()).spawn(ask).map(|_| ())
    }

    fn store(&self, at: Duration) {
        self.asked.store(nanos(at), Ordering::SeqCst);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
