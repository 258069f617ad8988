//! What user code does with the lock.

use std::sync::Arc;
use std::time::Duration;

use dsync::{ErrorKind, Lock, LockGuard, Result};

use super::candidate::User;
use super::names::LOCK;
use super::{Register, Running};
use crate::history::{Event, LockCall, LockReturn};
use crate::sim::node::Process;

/// How a guard is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GiveUp {
    Unlock,
    Drop,
}

/// One use of the lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    /// `None`: it does not wait for another holder.
    pub(super) wait: Option<Duration>,
    pub(super) hold: Duration,
    pub(super) give_up: GiveUp,
}

/// Starts a use of the lock in a process.
pub(super) fn start(running: &Running, name: &str, register: &Arc<Register>, how: Use) {
    let Some(Ok(lock)) = running.dsync.as_ref().map(|dsync| dsync.lock(name)) else { return };
    let (process, register) = (Arc::clone(&running.process), Arc::clone(register));
    running.process.spawn(async move { use_it(&process, lock, &register, how).await });
}

struct Log {
    process: Arc<Process>,
    op: u64,
}

impl Log {
    fn call(process: &Arc<Process>, what: LockCall) -> Self {
        let machine = &process.machine;
        let op = machine.recorder.name();
        machine.recorder.note(Some(machine.index), Event::LockCalled { op, key: LOCK, what });
        Self { process: Arc::clone(process), op }
    }

    fn returned(&self, what: LockReturn) {
        let machine = &self.process.machine;
        let event = Event::LockReturned { op: self.op, what };
        machine.recorder.note(Some(machine.index), event);
    }
}

async fn use_it(process: &Arc<Process>, lock: Lock, register: &Register, how: Use) {
    let log = Log::call(process, LockCall::Lock { waits: how.wait.is_some() });
    let result: Result<Option<LockGuard>> = match how.wait {
        Some(wait) => lock.lock_timeout(wait).await,
        None => lock.try_lock().await,
    };
    let guard = match result {
        Ok(Some(guard)) => guard,
        // The time was up while it waited: a request may be under way.
        Ok(None) if how.wait.is_some() => return log.returned(LockReturn::GaveUp),
        Ok(None) => return log.returned(LockReturn::NotLocked),
        Err(error) => return log.returned(LockReturn::Unknown(error.to_string())),
    };
    let token = guard.fencing_token().get();
    log.returned(LockReturn::Locked(token));
    let term = guard.term();
    let holder = User::elected(process, LOCK, log.op, &term);
    let work = holder.hold(&term, register, how.hold / 2 + Duration::from_millis(1));
    tokio::select! {
        biased;
        _ = guard.run(work) => {}
        () = process.sleep(how.hold) => {}
    }
    match how.give_up {
        GiveUp::Drop => {
            let log = Log::call(process, LockCall::Drop(token));
            drop(guard);
            log.returned(LockReturn::Unlocked);
        }
        GiveUp::Unlock => {
            let log = Log::call(process, LockCall::Unlock(token));
            log.returned(match guard.unlock().await {
                Ok(()) => LockReturn::Unlocked,
                Err(error) if error.kind() == ErrorKind::Lost => LockReturn::Lost,
                Err(error) => LockReturn::Unknown(error.to_string()),
            });
        }
    }
}
