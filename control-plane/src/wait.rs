//! Waiting for a condition, with a time limit.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

/// The outcome of one look at the condition.
#[derive(Debug)]
pub enum Look<T> {
    /// The condition holds.
    Done(T),
    /// The condition does not hold yet. The text says what was observed instead.
    NotYet(String),
}

/// Looks every 20 milliseconds until the condition holds, and returns its value.
///
/// # Errors
///
/// The error of a look, at once, or the last observation when `timeout` has passed.
pub fn until<T>(
    what: &str,
    timeout: Duration,
    mut look: impl FnMut() -> Result<Look<T>>,
) -> Result<T> {
    const EVERY: Duration = Duration::from_millis(20);
    let started = Instant::now();
    loop {
        let seen = match look().with_context(|| format!("while waiting for {what}"))? {
            Look::Done(value) => return Ok(value),
            Look::NotYet(seen) => seen,
        };
        if started.elapsed() >= timeout {
            return Err(anyhow!("{what}: not within {timeout:?}; last observed: {seen}"));
        }
        thread::sleep(EVERY);
    }
}
