//! Notices when the machine stood still.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::tasks::now;

const TICK: Duration = Duration::from_millis(10);
/// Less is no more than a busy machine.
const WORTH_NOTING: Duration = Duration::from_millis(50);

/// Notices when the machine stood still: then nothing that was late can be held against a driver.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    seen: Arc<Mutex<Vec<(Instant, Duration)>>>,
    _ticking: JoinSet<()>,
}

impl Stalls {
    /// Ticks from now on, in real time.
    pub(crate) fn watch() -> Self {
        let seen: Arc<Mutex<Vec<(Instant, Duration)>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let mut ticking = JoinSet::new();
        ticking.spawn(async move {
            loop {
                let before = now();
                tokio::time::sleep(TICK).await;
                let late = now().saturating_duration_since(before).saturating_sub(TICK);
                if late >= WORTH_NOTING {
                    noted.lock().unwrap_or_else(PoisonError::into_inner).push((now(), late));
                }
            }
        });
        Self { seen, _ticking: ticking }
    }

    /// For how long the machine stood still since `since`, all in all.
    pub(crate) fn since(&self, since: Instant) -> Duration {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|(at, _)| *at >= since).map(|(_, late)| *late).sum()
    }
}
