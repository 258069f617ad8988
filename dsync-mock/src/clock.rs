//! The only place that reads the clock.

use tokio::time::Instant;

/// Returns the time on tokio's clock, which tests may pause.
#[expect(
    clippy::disallowed_methods,
    reason = "the store has a clock of its own, like a server, which no `Env` of a candidate may skew"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
