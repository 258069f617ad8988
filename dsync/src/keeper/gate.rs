use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests in flight per driver.
const ALL: usize = 32;
/// Of these, how many may be something else than a renewal.
const ORDINARY: usize = 24;

/// Limits the requests in flight, renewals first: whatever else is under way, some places are
/// kept for them.
#[derive(Debug)]
pub(crate) struct Gate {
    all: Semaphore,
    ordinary: Semaphore,
}

/// Leave to send one request, until it is dropped.
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
        // The semaphores are never closed, so a permit always comes.
        let ordinary = if renewal { None } else { self.ordinary.acquire().await.ok() };
        Pass { _ordinary: ordinary, _all: self.all.acquire().await.ok() }
    }
}
