//! The network between a node and the store, with its faults.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsync::{Error, ErrorKind};

use crate::history::{At, Verb};
use crate::sim::rng::Rng;

/// The way from a node to the store and back.
#[derive(Debug, Default)]
pub(crate) struct Link(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    latency: Duration,
    rng: Rng,
    requests_cut_until: At,
    answers_cut_until: At,
    slow_requests: (Duration, At),
    slow_answers: (Duration, At),
    refusal: Option<(Refusal, At)>,
    stale_until: At,
    watch_lag: (Duration, At),
    watch_breaks: u64,
    watch_break: WatchBreak,
    heals: u64,
    in_flight: usize,
    next: VecDeque<Once>,
}

/// What befalls one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Once {
    verb: Option<Verb>,
    mishap: Mishap,
}

/// What befalls one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// It never arrives.
    LoseRequest { hang: bool },
    /// It is applied, and the answer does not come.
    LoseAnswer { hang: bool },
    /// It is applied much later, and there is no answer.
    Late(Duration),
    /// It is applied, answered, and applied once more later.
    Duplicate(Duration),
    /// A definite error that looks like any other: not applied.
    Fail,
    /// The record has changed, says the store, and has not looked who holds it.
    Conflict,
}

/// Why the store answers nothing but errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many requests; come back later.
    Throttled(Duration),
    /// The credentials have expired.
    Unauthenticated,
    /// Connections are refused.
    Unavailable,
}

/// How watches end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum WatchBreak {
    /// The stream ends.
    #[default]
    Closed,
    /// It ends with an error: the point to go on from is gone.
    Compacted,
}

/// What happens to one call.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    pub(crate) request_delay: Duration,
    pub(crate) answer_delay: Duration,
    pub(crate) mishap: Option<Mishap>,
    /// Not sent: this is the answer.
    pub(crate) refused: Option<Error>,
    pub(crate) stale: bool,
    /// What took effect, for the record.
    pub(crate) took: Vec<&'static str>,
}

impl Fate {
    /// Whether nothing stands between the caller and the store.
    pub(crate) fn is_plain(&self) -> bool {
        self.request_delay.is_zero()
            && self.answer_delay.is_zero()
            && self.mishap.is_none()
            && self.refused.is_none()
            && !self.stale
    }
}

impl Link {
    /// A link on which every message takes up to `latency`, by chance.
    pub(crate) fn new(latency: Duration, rng: Rng) -> Self {
        Self(Mutex::new(State { latency, rng, ..State::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cut(&self, requests: bool, answers: bool, until: At) {
        let mut state = self.lock();
        if requests {
            state.requests_cut_until = state.requests_cut_until.max(until);
        }
        if answers {
            state.answers_cut_until = state.answers_cut_until.max(until);
        }
    }

    pub(crate) fn slow(&self, requests: Duration, answers: Duration, until: At) {
        let mut state = self.lock();
        if !requests.is_zero() {
            state.slow_requests = (requests, until);
        }
        if !answers.is_zero() {
            state.slow_answers = (answers, until);
        }
    }

    pub(crate) fn refuse(&self, refusal: Refusal, until: At) {
        self.lock().refusal = Some((refusal, until));
    }

    pub(crate) fn serve_stale(&self, until: At) {
        self.lock().stale_until = until;
    }

    pub(crate) fn lag_watches(&self, lag: Duration, until: At) {
        self.lock().watch_lag = (lag, until);
    }

    pub(crate) fn break_watches(&self, how: WatchBreak) {
        let mut state = self.lock();
        state.watch_breaks += 1;
        state.watch_break = how;
    }

    /// The next call of `verb`, or of any verb, meets `mishap`.
    pub(crate) fn next(&self, verb: Option<Verb>, mishap: Mishap) {
        let mut state = self.lock();
        // The oldest faults that no call has met are dropped, so that their number stays bounded.
        if state.next.len() >= 16 {
            state.next.pop_front();
        }
        state.next.push_back(Once { verb, mishap });
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        let mut state = self.lock();
        *state = State {
            latency: state.latency,
            rng: std::mem::take(&mut state.rng),
            watch_breaks: state.watch_breaks,
            watch_break: state.watch_break,
            heals: state.heals + 1,
            in_flight: state.in_flight,
            ..State::default()
        };
    }

    /// What happens to a call that is made now.
    pub(crate) fn fate(&self, verb: Verb, now: At) -> Fate {
        let mut state = self.lock();
        let mut fate = Fate {
            request_delay: state.jitter(),
            answer_delay: state.jitter(),
            mishap: None,
            refused: None,
            stale: false,
            took: Vec::new(),
        };
        if let Some((refusal, until)) = state.refusal
            && now < until
        {
            let (error, kind) = refusal.error();
            fate.refused = Some(error);
            fate.took.push(kind);
            return fate;
        }
        if let Some(index) =
            state.next.iter().position(|once| once.verb.is_none_or(|wanted| wanted == verb))
            && let Some(once) = state.next.remove(index)
        {
            fate.mishap = Some(once.mishap);
            fate.took.push(once.mishap.kind());
        }
        if now < state.requests_cut_until {
            fate.mishap = Some(Mishap::LoseRequest { hang: true });
            fate.took.push("cut_requests");
        }
        if now < state.slow_requests.1 {
            fate.request_delay += state.slow_requests.0;
            fate.took.push("slow_request");
        }
        if now < state.slow_answers.1 {
            fate.answer_delay += state.slow_answers.0;
            fate.took.push("slow_answer");
        }
        if now < state.stale_until && verb == Verb::Read {
            fate.stale = true;
            fate.took.push("stale_read");
        }
        fate
    }

    /// Whether an answer that leaves the store now arrives.
    pub(crate) fn passes_answers(&self, now: At) -> bool {
        now >= self.lock().answers_cut_until
    }

    /// How late a watch shows what happens now. `Err(at)`: not before `at`.
    pub(crate) fn watch_delay(&self, now: At) -> Result<Duration, At> {
        let state = self.lock();
        let cut = state.answers_cut_until.max(state.requests_cut_until);
        if now < cut {
            return Err(cut);
        }
        let (lag, until) = state.watch_lag;
        Ok(if now < until { lag } else { Duration::ZERO })
    }

    /// How often everything was made to work again. What lags then arrives at once.
    pub(crate) fn heals(&self) -> u64 {
        self.lock().heals
    }

    /// How many requests are on their way, or will arrive once more.
    pub(crate) fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    pub(crate) fn departs(&self) {
        self.lock().in_flight += 1;
    }

    pub(crate) fn is_through(&self) {
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
    }

    /// How often watches were broken, and how the last time.
    pub(crate) fn watch_breaks(&self) -> (u64, WatchBreak) {
        let state = self.lock();
        (state.watch_breaks, state.watch_break)
    }
}

impl State {
    /// Up to the latency of the link, in whole milliseconds.
    fn jitter(&mut self) -> Duration {
        let Ok(most) = u64::try_from(self.latency.as_millis()) else { return Duration::ZERO };
        if most == 0 {
            return Duration::ZERO;
        }
        Duration::from_millis(self.rng.below(most + 1))
    }
}

impl Mishap {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::LoseRequest { .. } => "lost_request",
            Self::LoseAnswer { .. } => "lost_answer",
            Self::Late(_) => "late_write",
            Self::Duplicate(_) => "duplicate",
            Self::Fail => "failed",
            Self::Conflict => "conflict",
        }
    }
}

impl Refusal {
    fn error(self) -> (Error, &'static str) {
        match self {
            Self::Throttled(wait) => (
                Error::definite(ErrorKind::Throttled, "too many requests").with_retry_after(wait),
                "throttled",
            ),
            Self::Unauthenticated => (
                Error::definite(ErrorKind::Unauthenticated, "the credentials have expired"),
                "unauthenticated",
            ),
            Self::Unavailable => {
                (Error::definite(ErrorKind::Unavailable, "connection refused"), "unavailable")
            }
        }
    }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}
