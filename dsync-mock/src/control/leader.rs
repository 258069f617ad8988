//! Who may lead.

use dsync::driver::Key;

use crate::MockDriver;

/// # Who leads
impl MockDriver {
    /// Lets only `instance` acquire `key` from now on, and deposes a holder of another instance.
    ///
    /// The contract still holds. The next renewal of the deposed holder returns
    /// [`Lost`](dsync::driver::Renewed::Lost), and every watch reports the change at once.
    /// `instance` can acquire the key when the deposed holder releases it or its lease expires, and
    /// not before. Until then the record names `<old instance>_deposed`.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.force_leader(&key, "pod-b");
    /// ```
    pub fn force_leader(&self, key: &Key, instance: &str) {
        self.with_state(|state| state.records.force(key, instance, state.now));
    }

    /// Lets every instance acquire `key` again. A deposed holder stays deposed.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.clear_forced(&key);
    /// ```
    pub fn clear_forced(&self, key: &Key) {
        self.with_state(|state| {
            let slot = state.records.slot(key, state.now);
            slot.forced = None;
            slot.nudge();
        });
    }
}
