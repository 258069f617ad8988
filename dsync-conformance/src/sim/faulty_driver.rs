//! A driver between the core and the driver under test: it makes the faults that can be made
//! there, and writes down what passes.

mod call;
mod connection;
mod shown;
mod travel;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex};

use dsync::driver::{Acquired, Capabilities, Claim, Driver, Key, Lease, Released, Renewed, Watch};
use dsync::{Error, ErrorKind, Result, async_trait};

use self::call::{Reply, Request};
use self::connection::Connection;
pub(super) use self::connection::Keys;
use crate::history::unsettled::Unsettled;
use crate::history::{Event, Verb};
use crate::sim::network::Link;
use crate::sim::node::Process;

/// A connection of one process that goes through its node's [`Link`].
pub(crate) struct FaultyDriver {
    connection: Arc<Connection>,
}

impl FaultyDriver {
    pub(crate) fn new(
        inner: Arc<dyn Driver>,
        link: &Arc<Link>,
        process: &Arc<Process>,
        keys: &Keys,
    ) -> Self {
        let recorder = process.machine.recorder.clone();
        let connection = Connection {
            inner,
            link: Arc::clone(link),
            process: Arc::clone(process),
            recorder,
            keys: Arc::clone(keys),
            seen: Mutex::default(),
            busy: Mutex::default(),
            unsettled: Unsettled::default(),
        };
        Self { connection: Arc::new(connection) }
    }

    async fn call(&self, key: &Key, request: Request) -> Result<Reply> {
        let connection = &self.connection;
        let node = Some(connection.process.machine.index);
        let (call, index, verb) =
            (connection.recorder.name(), connection.index(key), request.verb());
        let holder = request.holder().cloned();
        if let Some(token) = request.token() {
            connection.process.witness(verb, index, token);
        }
        connection.recorder.note(node, Event::Called { call, key: index, verb, holder });
        if connection.is_endless() {
            connection.recorder.note(node, Event::Endless { what: "calls the driver" });
            return std::future::pending().await;
        }
        let fate = connection.link.fate(verb, connection.recorder.now());
        for kind in &fate.took {
            connection.recorder.note(node, Event::Took { kind });
        }
        let result = if fate.is_plain() {
            let result = connection.store(call, key, &request).await;
            if connection.link.passes_answers(connection.recorder.now()) {
                result
            } else {
                connection.recorder.note(node, Event::Took { kind: "cut_answers" });
                std::future::pending().await
            }
        } else {
            travel::travel(connection, call, key, request, fate).await
        };
        let (outcome, token) = call::judge(&result);
        connection.recorder.note(node, Event::Answered { call, outcome, token });
        result
    }
}

#[async_trait]
impl Driver for FaultyDriver {
    fn name(&self) -> &'static str {
        self.connection.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.connection.inner.capabilities()
    }

    async fn read(&self, key: &Key) -> Result<Option<Lease>> {
        match self.call(key, Request::Read).await? {
            Reply::Read(record) => Ok(record),
            _ => Err(mismatch()),
        }
    }

    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired> {
        match self.call(key, Request::Acquire(claim.clone())).await? {
            Reply::Acquire(acquired) => Ok(acquired),
            _ => Err(mismatch()),
        }
    }

    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed> {
        match self.call(key, Request::Renew(lease.clone())).await? {
            Reply::Renew(renewed) => Ok(renewed),
            _ => Err(mismatch()),
        }
    }

    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released> {
        match self.call(key, Request::Release(lease.clone())).await? {
            Reply::Release(released) => Ok(released),
            _ => Err(mismatch()),
        }
    }

    fn watch(&self, key: &Key) -> Watch {
        let connection = &self.connection;
        let (call, index) = (connection.recorder.name(), connection.index(key));
        let event = Event::Called { call, key: index, verb: Verb::Watch, holder: None };
        connection.recorder.note(Some(connection.process.machine.index), event);
        watch::through(shown::noticed(connection, key), &connection.link, &connection.process)
    }

    async fn close(&self) {
        self.connection.inner.close().await;
    }
}

impl fmt::Debug for FaultyDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultyDriver").field(&self.connection.inner).finish()
    }
}

fn mismatch() -> Error {
    Error::ambiguous(ErrorKind::Internal, "the driver answered another verb")
}
