//! What a test can see.

use dsync::driver::{Key, Lease, Verb};

use crate::{MockDriver, Request};

/// # Looking in
///
/// None of these counts as a request, and no fault hits them.
impl MockDriver {
    /// Returns the record of `key`, as a read shows it now.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// assert!(store.record(&key).is_none(), "a released lock leaves nothing");
    /// ```
    #[must_use]
    pub fn record(&self, key: &Key) -> Option<Lease> {
        self.with_state(|state| state.records.read(key, state.now))
    }

    /// Returns the instance that holds `key`.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// assert_eq!(store.holder(&key), None, "it is free");
    /// ```
    #[must_use]
    pub fn holder(&self, key: &Key) -> Option<String> {
        self.record(key)?.holder.map(|holder| holder.instance().to_owned())
    }

    /// Returns every request since the last [`clear_log`](Self::clear_log), oldest first. The log
    /// keeps the last 65 536.
    ///
    /// ```
    /// # use dsync_mock::MockDriver; let store = MockDriver::new();
    /// assert!(store.requests().is_empty());
    /// ```
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.with_state(|state| state.log.requests())
    }

    /// Returns how many requests of this verb were sent since the last
    /// [`clear_log`](Self::clear_log), whether or not they arrived.
    ///
    /// ```
    /// # use dsync::driver::Verb; use dsync_mock::MockDriver; let store = MockDriver::new();
    /// assert_eq!(store.count(Verb::Renew), 0);
    /// ```
    #[must_use]
    pub fn count(&self, verb: Verb) -> usize {
        self.with_state(|state| state.log.count(verb))
    }

    /// Clears the log and the counts.
    ///
    /// ```
    /// # use dsync_mock::MockDriver; let store = MockDriver::new();
    /// store.clear_log();
    /// ```
    pub fn clear_log(&self) {
        self.with_state(|state| state.log.clear());
    }
}
