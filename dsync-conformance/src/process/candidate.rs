//! Candidates in processes of their own, which can be suspended and killed.
//!
//! The program of the tests starts itself once more, with [`VARIABLE`] set. So its `main` calls
//! [`run_if_asked`] before anything else, and the process is a candidate instead of a test.

mod child;
mod child_guard;
mod clock;
mod connect;
mod message;
mod observer;
mod orders;
mod recording;
mod reporter;
mod signal;
mod spawn;

use std::process::ExitCode;

pub use self::clock::now;
pub(crate) use self::connect::connect;
pub use self::message::{CandidateEvent, Message};
pub use self::orders::{Orders, VARIABLE, Work};
pub use self::spawn::Candidate;
use crate::Harness;

/// Whether this process is to be a candidate with this harness: it was started by one like it.
pub(crate) fn is_for(harness: &dyn Harness) -> bool {
    let is_set = |(name, value): &(String, String)| {
        std::env::var_os(name).is_some_and(|is| is == value.as_str())
    };
    harness.environment().is_some_and(|pairs| pairs.iter().all(is_set))
}

/// Runs as a candidate until the parent asks it to stop, if this process was started as one. Returns
/// `None` if it was not.
///
/// Call it first in `main`, outside of any tokio runtime.
#[must_use]
pub fn run_if_asked(harness: &dyn Harness) -> Option<ExitCode> {
    let orders = std::env::var_os(VARIABLE)?;
    Some(child::run(harness, &orders))
}
