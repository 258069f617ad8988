//! The background task that revokes store leases.

use std::sync::Arc;
use std::time::Duration;

use dsync::env::{Env as _, TokioEnv};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::session::Session;

/// How long one revocation may take, and all of them when the driver is closed. A store lease that is
/// not revoked in time runs out by itself.
const LIMIT: Duration = Duration::from_secs(1);

/// Revokes store leases one after the other. Dropping it ends the task at once.
#[derive(Debug)]
pub(crate) struct Revoker {
    ids: UnboundedSender<i64>,
    /// The task ends when this is dropped.
    stop: oneshot::Sender<()>,
    /// Resolves when the task has ended, because the task holds the sender.
    ended: oneshot::Receiver<()>,
}

impl Revoker {
    pub(crate) fn start(env: &TokioEnv, session: Arc<Session>) -> Self {
        let (ids, queue) = unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (running, ended) = oneshot::channel();
        env.spawn(Box::pin(async move {
            tokio::select! {
                biased;
                _ = stopped => {}
                () = revoke_all(&session, queue) => {}
            }
            drop(running);
        }));
        Self { ids, stop, ended }
    }

    pub(crate) fn revoke(&self, id: i64) {
        // Fails only if the runtime has dropped the task. The store lease then runs out by itself.
        let _ = self.ids.send(id);
    }

    /// Revokes what is queued, for at most one second, and ends the task.
    pub(crate) async fn finish(self) {
        let Self { ids, stop, ended } = self;
        // 1. Without a sender, the task ends once the queue is empty.
        drop(ids);
        let _ = timeout(LIMIT, ended).await;
        // 2. If that takes too long, it ends now.
        drop(stop);
    }
}

/// Revokes what arrives in `queue`, until its sender is dropped.
async fn revoke_all(session: &Session, mut queue: UnboundedReceiver<i64>) {
    while let Some(id) = queue.recv().await {
        let revoked = session.ask(|mut client| async move { client.lease_revoke(id).await });
        match timeout(LIMIT, revoked).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::debug!(target: "dsync", %error, "store lease not revoked; it runs out by itself");
            }
            Err(_) => {
                tracing::debug!(target: "dsync", "store lease not revoked in time; it runs out by itself");
            }
        }
    }
}
