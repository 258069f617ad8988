//! One call on its way to the store and back.

use std::future::pending;
use std::sync::Arc;

use dsync::driver::{Key, Released, Renewed};
use dsync::{Error, ErrorKind, Result};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::call::{Reply, Request};
use super::connection::Connection;
use crate::history::Event;
use crate::sim::network::{Fate, Mishap};
use crate::tasks;

/// The request goes its way, whether or not its caller still waits.
pub(super) async fn travel(
    connection: &Arc<Connection>,
    call: u64,
    key: &Key,
    request: Request,
    fate: Fate,
) -> Result<Reply> {
    if let Some(error) = fate.refused {
        return Err(error);
    }
    match fate.mishap {
        Some(Mishap::LoseRequest { hang: true }) => return pending().await,
        Some(Mishap::LoseRequest { hang: false }) => return Err(broken()),
        Some(Mishap::Fail) => {
            return Err(Error::definite(ErrorKind::Unavailable, "the store refused the request"));
        }
        Some(Mishap::Conflict) => match &request {
            Request::Renew(_) => return Ok(Reply::Renew(Renewed::Conflict)),
            Request::Release(_) => return Ok(Reply::Release(Released::Conflict)),
            Request::Read | Request::Acquire(_) => {}
        },
        _ => {}
    }
    if fate.stale
        && let Some(reply) = connection.stale(key)
    {
        return Ok(reply);
    }
    // From here on the request travels in a task of its own. A caller that drops its call takes back
    // nothing that was sent: the write is applied, late or not, as on a real network (1.10).
    let (sender, answer) = oneshot::channel();
    let (connection, key) = (Arc::clone(connection), key.clone());
    connection.link.departs();
    tasks::spawn(async move {
        let _through = Through(Arc::clone(&connection));
        if !fate.request_delay.is_zero() {
            sleep(fate.request_delay).await;
        }
        if let Some(Mishap::Late(delay)) = fate.mishap {
            sleep(delay).await;
        }
        let result = connection.store(call, &key, &request).await;
        let lost = match fate.mishap {
            Some(Mishap::LoseAnswer { hang: false }) => Some(Err(broken())),
            Some(Mishap::LoseAnswer { hang: true } | Mishap::Late(_)) => return,
            _ => None,
        };
        if !fate.answer_delay.is_zero() {
            sleep(fate.answer_delay).await;
        }
        if connection.link.passes_answers(connection.recorder.now()) {
            // The caller may have given up: then a late answer is dropped.
            drop(sender.send(lost.unwrap_or(result)));
        } else {
            let node = Some(connection.process.machine.index);
            connection.recorder.note(node, Event::Took { kind: "cut_answers" });
        }
        if let Some(Mishap::Duplicate(delay)) = fate.mishap {
            sleep(delay).await;
            // Its answer is dropped: the caller has the first one.
            drop(connection.store(call, &key, &request).await);
        }
    });
    match answer.await {
        Ok(result) => result,
        Err(_) => pending().await,
    }
}

/// Counts the request as finished when it is dropped.
struct Through(Arc<Connection>);

impl Drop for Through {
    fn drop(&mut self) {
        self.0.link.is_through();
    }
}

fn broken() -> Error {
    Error::ambiguous(ErrorKind::Unavailable, "the connection broke before the answer came")
}
