//! Ends a test in virtual time that goes round and round without letting the time pass.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

/// A test in virtual time is done within seconds of real time.
const LIMIT: Duration = Duration::from_secs(20);

/// Watches from a thread of its own, since the runtime is what is busy.
pub(super) struct Spinning {
    /// Closed when the test is over.
    _over: Sender<()>,
    noticed: oneshot::Receiver<()>,
}

impl Spinning {
    pub(super) fn watch() -> Self {
        let (over, is_over) = mpsc::channel();
        let (notice, noticed) = oneshot::channel();
        thread::spawn(move || {
            if is_over.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                // The receiver is gone if the test has just ended.
                let _ = notice.send(());
            }
        });
        Self { _over: over, noticed }
    }

    /// Completes when the test has taken too long in real time, with what to say.
    pub(super) async fn noticed(&mut self) -> String {
        if (&mut self.noticed).await.is_err() {
            std::future::pending::<()>().await;
        }
        format!(
            "not done after {LIMIT:?} of real time: something goes round and round without a pause"
        )
    }
}
