//! Candidate processes that are suspended, killed and started again at random.
//!
//! Their messages become a [`History`], which [`check`](crate::check::check) judges. A grant is
//! known to lie between the send and the answer of its acquire.

pub mod candidate;
mod journal;
mod plan;
mod run;

use std::time::Duration;

use dsync::Result;

pub use self::plan::Plan;
use crate::Harness;
use crate::history::History;

/// Runs candidates as `plan` says and returns what happened.
///
/// Most steps hit the leader, and each of those ends with another one elected. If no
/// candidate is elected in a generous time, the history has a [`Demand`](crate::history::Demand) that says so.
///
/// # Errors
///
/// When candidates cannot be started, or end by themselves.
///
/// # Cancel safety
///
/// Safe: every process that was started is killed.
pub async fn run(harness: &dyn Harness, plan: &Plan) -> Result<History> {
    run_since(harness, plan).await.map(|(history, _)| history)
}

/// The same, with the moment at which the history begins, on the clock of [`candidate::now`].
///
/// [`candidate::now`]: crate::process::candidate::now
pub(crate) async fn run_since(harness: &dyn Harness, plan: &Plan) -> Result<(History, Duration)> {
    run::run(harness, plan).await
}
