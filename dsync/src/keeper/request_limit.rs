use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests in flight per driver.
const ALL: usize = 32;
/// Of these, how many may be something else than a renewal.
const ORDINARY: usize = 24;

/// Limits the requests in flight, and reserves some of the places for renewals.
///
/// Without the reserve, a thousand waiters for locks could fill all places, and the renewals of
/// the holders would queue behind them until their terms end.
#[derive(Debug)]
pub(crate) struct Gate {
    all: Semaphore,
    ordinary: Semaphore,
}

/// The right to send one request, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    _all: Option<SemaphorePermit<'a>>,
    _ordinary: Option<SemaphorePermit<'a>>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { all: Semaphore::new(ALL), ordinary: Semaphore::new(ORDINARY) }
    }

    pub(crate) async fn enter(&self, renewal: bool) -> Pass<'_> {
        // 1. The narrow gate first. In the other order, an ordinary request could hold one of all
        //    places while it waits for an ordinary one, and block a renewal without being sent.
        // 2. The semaphores are never closed, so `ok` discards no error.
        let ordinary = if renewal { None } else { self.ordinary.acquire().await.ok() };
        Pass { _ordinary: ordinary, _all: self.all.acquire().await.ok() }
    }
}
