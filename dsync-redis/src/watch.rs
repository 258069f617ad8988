//! One pub/sub connection for all watches of a driver.
//!
//! Its task begins with the first watch. It never retries: when it cannot go on, all watches end
//! with the error, and the core starts over after its retry period.

mod ears;

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::Watch;
use dsync::{Error, ErrorKind, Result};
use futures_util::StreamExt as _;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{RedisError, Value};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::ears::Ears;
use crate::classify::Stage;
use crate::session::{Session, closed};

/// How long a server may take to answer on this connection, where no lease is shorter.
const LONGEST: Duration = Duration::from_secs(5);
/// The shortest; less would be a busy loop.
const SHORTEST: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Watches {
    session: Arc<Session>,
    ears: Arc<Ears>,
}

impl Watches {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session, ears: Arc::new(Ears::new(LONGEST)) }
    }

    /// Notes a lease of this duration: a connection that is dead has to be noticed within it.
    pub(crate) fn heard_of(&self, lease: Duration) {
        self.ears.be_quicker_than((lease / 2).clamp(SHORTEST, LONGEST));
    }

    /// Listens on `channel`, and begins to if nobody does.
    pub(crate) fn subscribe(&self, channel: &str) -> Watch {
        if Handle::try_current().is_err() {
            let message = "a watch needs a tokio runtime, and there is none here";
            return failed(Error::definite(ErrorKind::NoRuntime, message));
        }
        match self.ears.add(channel, || self.start()) {
            Some(stream) => stream,
            None => failed(closed()),
        }
    }

    /// Ends the task and all watches, and gives the task to wait for.
    pub(crate) fn stop(&self) -> Option<JoinHandle<()>> {
        self.ears.close(&closed())
    }

    #[expect(clippy::disallowed_methods, reason = "the one module of the driver that owns tasks")]
    fn start(&self) -> JoinHandle<()> {
        let (session, ears) = (Arc::clone(&self.session), Arc::clone(&self.ears));
        tokio::spawn(async move {
            let error = match listen(&session, &ears).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            tracing::debug!(target: "dsync", %error, "the watch ends");
            ears.fail(&error);
        })
    }
}

fn failed(error: Error) -> Watch {
    Box::pin(futures_util::stream::once(async { Err(error) }))
}

/// Keeps the subscriptions as the ears want them, and tells them what comes.
async fn listen(session: &Session, ears: &Ears) -> Result<std::convert::Infallible> {
    let limit = ears.period();
    let connecting = timeout(limit, session.client().get_async_pubsub()).await;
    let connected = connecting.map_err(|_| silent(session, limit))?;
    let connected = connected.map_err(|error| session.error(Stage::Connecting, &error))?;
    let (mut sink, mut messages) = connected.split();
    loop {
        follow(session, ears, &mut sink).await?;
        tokio::select! {
            biased;
            message = next(&mut messages) => match message {
                Some(channel) => ears.released(&channel),
                None => return Err(broken(session)),
            },
            () = ears.changed() => {}
            () = tokio::time::sleep(ears.period()) => {
                let ping = sink.ping::<Value>();
                limited(session, ears, ping).await?;
            }
        }
    }
}

/// Subscribes to what is listened for, and to nothing else.
async fn follow(session: &Session, ears: &Ears, sink: &mut PubSubSink) -> Result<()> {
    let (added, gone) = ears.to_do();
    if !added.is_empty() {
        limited(session, ears, sink.subscribe(&added)).await?;
        ears.confirm(&added);
    }
    if !gone.is_empty() {
        limited(session, ears, sink.unsubscribe(&gone)).await?;
    }
    Ok(())
}

async fn next(messages: &mut PubSubStream) -> Option<String> {
    messages.next().await.map(|message| message.get_channel_name().to_owned())
}

async fn limited<T>(
    session: &Session,
    ears: &Ears,
    request: impl Future<Output = Result<T, RedisError>>,
) -> Result<T> {
    let limit = ears.period();
    let answer = timeout(limit, request).await.map_err(|_| silent(session, limit))?;
    answer.map_err(|error| session.error(Stage::Sent, &error))
}

fn silent(session: &Session, limit: Duration) -> Error {
    let server = session.server();
    let message = format!("{server} has not answered the connection of the watch for {limit:?}");
    Error::ambiguous(ErrorKind::Unavailable, message)
}

fn broken(session: &Session) -> Error {
    let message = format!("{} has closed the connection of the watch", session.server());
    Error::ambiguous(ErrorKind::Unavailable, message)
}
