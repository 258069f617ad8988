//! What the tests of elections and locks share.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dsync::{Dsync, Term};
use dsync_mock::MockDriver;

/// The default lease duration.
pub(crate) const L: Duration = Duration::from_secs(15);
pub(crate) const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// `L` less the margin of 2 x 1 %.
pub(crate) const HARD_DEADLINE: Duration = Duration::from_millis(14_700);
pub(crate) const RETRY: Duration = Duration::from_secs(1);

pub(crate) fn pod(store: &MockDriver, name: &str) -> Dsync {
    Dsync::new(store.client(name), name).unwrap()
}

pub(crate) fn both_kinds() -> [MockDriver; 2] {
    [MockDriver::new(), MockDriver::observer()]
}

pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Waits for something that must happen soon, on a clock that costs nothing.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

/// How much virtual time `future` takes.
pub(crate) async fn time<T>(future: impl Future<Output = T>) -> (Duration, T) {
    let start = now();
    let output = future.await;
    (now().saturating_duration_since(start), output)
}

#[expect(clippy::disallowed_methods, reason = "tests measure on the clock that they pause")]
pub(crate) fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(crate) fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub(crate) fn get(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Adds `what` when it is dropped.
    pub(crate) fn on_drop(&self, what: impl Into<String>) -> OnDrop {
        OnDrop(self.clone(), what.into())
    }
}

pub(crate) struct OnDrop(Trace, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(self.1.clone());
    }
}

/// A body that says when it starts and stops, and runs until its term ends.
pub(crate) async fn until_ended(trace: Trace, name: &'static str, term: Term) {
    trace.add(format!("{name} starts"));
    let _stops = trace.on_drop(format!("{name} stops"));
    term.ended().await;
}
