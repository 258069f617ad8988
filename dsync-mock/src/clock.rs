//! The one place that asks for the time.

use tokio::time::Instant;

/// The time on tokio's clock, which tests may pause.
#[expect(
    clippy::disallowed_methods,
    reason = "the store has a clock of its own, as a server has: nobody's `Env` may skew it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
