//! The faults as they are now, and what was counted.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::fault::{Direction, Fault};

/// What a [`Proxy`](super::Proxy) has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that are open.
    pub open: u64,
    /// Connections that the proxy has reset, for any reason.
    pub resets: u64,
    /// Bytes that the server was given.
    pub request_bytes: u64,
    /// Bytes that drivers were given.
    pub answer_bytes: u64,
    /// Answers that were swallowed.
    pub lost_answers: u64,
}

/// The faults of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneState {
    pub(super) held: bool,
    pub(super) delay: Duration,
    pub(super) drip: Option<(usize, Duration)>,
    budget: Option<u64>,
}

/// The faults of the proxy.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    pub(super) closed: bool,
    /// How often all connections were reset.
    pub(super) resets: u64,
    lanes: [LaneState; 2],
    lose_answer: bool,
}

impl State {
    pub(super) fn lane(&self, direction: Direction) -> &LaneState {
        &self.lanes[direction as usize]
    }

    fn lane_mut(&mut self, direction: Direction) -> &mut LaneState {
        &mut self.lanes[direction as usize]
    }
}

/// What the tasks of a proxy share.
#[derive(Debug)]
pub(super) struct Shared {
    upstream: Mutex<SocketAddr>,
    state: watch::Sender<State>,
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) resets: AtomicU64,
    pub(super) bytes: [AtomicU64; 2],
    pub(super) lost_answers: AtomicU64,
}

impl Shared {
    pub(super) fn new(upstream: SocketAddr) -> Self {
        Self {
            upstream: Mutex::new(upstream),
            state: watch::Sender::new(State::default()),
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            bytes: [const { AtomicU64::new(0) }; 2],
            lost_answers: AtomicU64::new(0),
        }
    }

    pub(super) fn upstream(&self) -> SocketAddr {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn forward_to(&self, upstream: SocketAddr) {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = upstream;
        self.set(Fault::Reset);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) fn set(&self, fault: Fault) {
        self.state.send_modify(|state| match fault {
            Fault::Cut => {
                state.closed = true;
                state.resets += 1;
            }
            Fault::Reset => state.resets += 1,
            Fault::Hold(direction) => state.lane_mut(direction).held = true,
            Fault::Delay(direction, delay) => state.lane_mut(direction).delay = delay,
            Fault::CutAfter { direction, bytes } => state.lane_mut(direction).budget = Some(bytes),
            Fault::LoseAnswer => state.lose_answer = true,
            Fault::Drip { direction, bytes, every } => {
                state.lane_mut(direction).drip = Some((bytes.max(1), every));
            }
        });
    }

    pub(super) fn heal(&self) {
        self.state.send_modify(|state| *state = State { resets: state.resets, ..State::default() });
    }

    /// How many of `wanted` bytes may pass, and whether the connection is to be reset then.
    pub(super) fn spend(&self, direction: Direction, wanted: usize) -> (usize, bool) {
        let mut granted = (wanted, false);
        self.state.send_if_modified(|state| {
            let Some(left) = state.lane(direction).budget else { return false };
            let passing = usize::try_from(left).unwrap_or(usize::MAX).min(wanted);
            let left = left - passing as u64;
            granted = (passing, left == 0);
            state.lane_mut(direction).budget = (left > 0).then_some(left);
            // No task waits for this.
            false
        });
        granted
    }

    /// Whether the answer to what is sent now is to be lost.
    pub(super) fn loses_answer(&self) -> bool {
        let mut loses = false;
        self.state.send_if_modified(|state| {
            loses = std::mem::take(&mut state.lose_answer);
            false
        });
        loses
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Counts {
            connections: read(&self.connections),
            open: read(&self.open),
            resets: read(&self.resets),
            request_bytes: read(&self.bytes[Direction::Requests as usize]),
            answer_bytes: read(&self.bytes[Direction::Answers as usize]),
            lost_answers: read(&self.lost_answers),
        }
    }
}
