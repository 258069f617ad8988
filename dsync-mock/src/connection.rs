//! The instance that a connection belongs to.

use std::sync::{Mutex, PoisonError};

use dsync::driver::Holder;

/// Learns the instance from the first call that names one, unless it was given.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    given: Option<String>,
    learned: Mutex<Option<String>>,
}

impl Connection {
    pub(crate) fn of(instance: String) -> Self {
        Self { given: Some(instance), learned: Mutex::default() }
    }

    /// Returns another connection of the same instance if it was given, or of one that is still to
    /// be learned.
    pub(crate) fn another(&self) -> Self {
        Self { given: self.given.clone(), learned: Mutex::default() }
    }

    /// Returns which instance sends a call that names `holder`.
    pub(crate) fn sends(&self, holder: Option<&Holder>) -> Option<String> {
        let Some(holder) = holder else { return self.instance() };
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.get_or_insert_with(|| holder.instance().to_owned());
        Some(self.given.clone().unwrap_or_else(|| holder.instance().to_owned()))
    }

    pub(crate) fn instance(&self) -> Option<String> {
        let learned = || self.learned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.given.clone().or_else(learned)
    }
}
