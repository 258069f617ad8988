use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::driver::Key;
use crate::keeper::handle::Handle;
use crate::{Error, Result, Timing};

/// The keepers of one `Dsync`, so that handles share them and a shutdown finds them.
#[derive(Debug, Default)]
pub(crate) struct Registry(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    campaigns: BTreeMap<Key, Handle>,
    /// All keepers that run, and some that have finished.
    keepers: Vec<Handle>,
    /// At this number of keepers, the finished ones are removed. It is twice the number that was
    /// left the last time, so the cost per keeper is constant.
    limit: usize,
    closed: bool,
}

impl State {
    fn track(&mut self, handle: &Handle) {
        if self.keepers.len() >= self.limit {
            self.keepers.retain(|keeper| !keeper.is_finished());
            self.campaigns.retain(|_, campaign| !campaign.is_finished());
            self.limit = (2 * self.keepers.len()).max(64);
        }
        self.keepers.push(handle.clone());
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.lock().closed { Err(shut_down()) } else { Ok(()) }
    }

    /// Starts a keeper with a single handle.
    pub(crate) fn start(&self, start: impl FnOnce() -> Handle) -> Result<Handle> {
        let mut state = self.lock();
        if state.closed {
            return Err(shut_down());
        }
        let handle = start();
        handle.join();
        state.track(&handle);
        Ok(handle)
    }

    /// Joins the campaign of `key`, or starts one.
    ///
    /// Looking and starting happen under one lock: two calls at the same time would otherwise start
    /// two campaigns of one candidate, which are rivals.
    pub(crate) fn join_or_start(
        &self,
        key: &Key,
        timing: &Timing,
        start: impl FnOnce() -> Handle,
    ) -> Result<Handle> {
        let mut state = self.lock();
        if state.closed {
            return Err(shut_down());
        }
        if let Some(handle) = state.campaigns.get(key)
            && handle.join()
        {
            if handle.timing == *timing {
                return Ok(handle.clone());
            }
            handle.leave();
            return Err(Error::invalid(format!(
                "the campaign in election {key} already has another timing: {:?} is not {timing:?}",
                handle.timing
            )));
        }
        let handle = start();
        handle.join();
        state.campaigns.insert(key.clone(), handle.clone());
        state.track(&handle);
        Ok(handle)
    }

    /// Refuses new keepers from now on, and returns those that still run.
    pub(crate) fn close(&self) -> Vec<Handle> {
        let mut state = self.lock();
        state.closed = true;
        state.campaigns.clear();
        state.keepers.iter().filter(|keeper| !keeper.is_finished()).cloned().collect()
    }

    /// Ends the keepers that only a callback keeps alive: the `Dsync` was dropped.
    pub(crate) fn abandon(&self) {
        let keepers = self.lock().keepers.clone();
        for keeper in keepers {
            keeper.abandon();
        }
    }
}

fn shut_down() -> Error {
    Error::stopped("this Dsync was shut down; make a new one")
}
