//! Who may lead.

use dsync::driver::Key;

use crate::MockDriver;

/// # Who leads
impl MockDriver {
    /// From now on only `instance` can acquire `key`; a holder of another name is deposed.
    ///
    /// The contract still holds: the deposed holder's next renewal answers
    /// [`Lost`](dsync::driver::Renewed::Lost), every watch is told at once, and `instance` gets
    /// the key as soon as the deposed holder releases it, or when its lease has run out since its
    /// last renewal, and not before. Until then the record names `<old instance>_deposed`.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.force_leader(&key, "pod-b");
    /// ```
    pub fn force_leader(&self, key: &Key, instance: &str) {
        self.with_state(|state| state.records.force(key, instance, state.now));
    }

    /// Everybody can acquire `key` again. A holder that was deposed stays so.
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
