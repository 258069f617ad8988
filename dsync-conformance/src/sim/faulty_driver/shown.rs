//! A watch may be the first to show that an acquire was applied.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use dsync::Result;
use dsync::driver::{Key, Observation, Watch};
use futures_core::Stream;

use super::connection::Connection;

/// A watch of the store, and what it shows is noticed.
pub(super) fn noticed(connection: &Arc<Connection>, key: &Key) -> Watch {
    Box::pin(Noticed {
        inner: connection.inner.watch(key),
        connection: Arc::clone(connection),
        key: key.clone(),
    })
}

struct Noticed {
    inner: Watch,
    connection: Arc<Connection>,
    key: Key,
}

impl Stream for Noticed {
    type Item = Result<Observation>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.inner.as_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(Observation::Record(record)))) = &item {
            self.connection.shows(&self.key, record.as_ref());
        }
        item
    }
}
