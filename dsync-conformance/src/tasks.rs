//! The one place of the suite that looks at the machine's clock and starts tasks.

use std::future::Future;

use dsync::env::BoxFuture;
use tokio::time::Instant;

/// The time on tokio's clock: virtual where the clock is paused, real where it is not.
#[expect(clippy::disallowed_methods, reason = "the clock of the run, beside those of its nodes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Runs what belongs to no node: the network.
#[expect(clippy::disallowed_methods, reason = "it ends with the runtime of its run")]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    let task: BoxFuture<()> = Box::pin(task);
    tokio::spawn(task);
}
