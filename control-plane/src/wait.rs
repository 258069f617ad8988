//! Waiting for a condition, with an end to the patience.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

/// What a look at the condition found.
#[derive(Debug)]
pub enum Look<T> {
    /// It holds.
    Done(T),
    /// Not yet, and what was seen instead.
    NotYet(String),
}

/// Looks every few milliseconds until the condition holds. Fails at once when a
/// look fails, and with what was last seen when the time is up.
///
/// # Errors
///
/// That of a look, or what was last seen when the time was up.
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
            return Err(anyhow!("{what}: not so within {timeout:?}; last seen: {seen}"));
        }
        thread::sleep(EVERY);
    }
}
