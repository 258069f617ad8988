//! The connection of a candidate.

use std::sync::Arc;
use std::time::Duration;

use dsync::Result;
use dsync::driver::Driver;

use super::clock::now;
use crate::Harness;
use crate::harness::Via;

/// How long a candidate waits for a server that is down when it starts.
const PATIENCE: Duration = Duration::from_secs(60);

/// A driver, even if the server is down at first.
pub(crate) async fn connect(harness: &dyn Harness) -> Result<Arc<dyn Driver>> {
    let until = now() + PATIENCE;
    loop {
        match harness.connect(Via::Direct).await {
            Err(error) if error.is_retryable() && now() < until => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            connected => return connected,
        }
    }
}
