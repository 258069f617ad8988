//! What is done to a record behind its holder's back.

use std::time::Duration;

use dsync::driver::{Holder, Key};

use crate::MockDriver;

/// # Record loss and other writers
///
/// [`expire`](Self::expire), [`delete`](Self::delete), [`empty`](Self::empty),
/// [`overwrite`](Self::overwrite), [`forget`](Self::forget) and
/// [`lose_last_write`](Self::lose_last_write) are *record loss*: the store forgets a lease that it
/// granted. The holder continues until its next renewal, or until its watch shows the loss, and
/// another candidate may be elected before that. No library can guarantee exclusion over a record
/// that its store forgot. Use these to test that the holder notices, and that fencing tokens stop
/// its late writes.
impl MockDriver {
    /// Record loss: frees `key` as if its lease had expired now. It leaves what a release
    /// leaves.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.expire(&key); // the holder's next renewal returns `Lost`
    /// ```
    pub fn expire(&self, key: &Key) {
        self.with_state(|state| state.records.free(key, state.now));
    }

    /// Record loss: an operator deletes the record.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.delete(&key); // kubectl delete lease …
    /// ```
    pub fn delete(&self, key: &Key) {
        self.with_state(|state| state.records.remove(key, state.now));
    }

    /// Record loss: an operator empties the holder of the record. With
    /// [`Expiry::Backend`](dsync::driver::Expiry::Backend), where no record is without a holder,
    /// it is the same as [`delete`](Self::delete).
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.empty(&key); // holderIdentity: ""
    /// ```
    pub fn empty(&self, key: &Key) {
        self.with_state(|state| {
            if state.records.is_observer() {
                state.records.vacate(key, state.now);
            } else {
                state.records.remove(key, state.now);
            }
        });
    }

    /// Record loss: another program writes itself into the record, even if it is held.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.overwrite(&key, "kubectl", std::time::Duration::from_secs(15));
    /// ```
    pub fn overwrite(&self, key: &Key, holder: &str, duration: Duration) {
        let holder = Holder::from_wire(holder);
        self.with_state(|state| state.records.overwrite(key, holder, duration, state.now));
    }

    /// Record loss: the store restarts without its memory, and no record is left. Tokens keep
    /// growing from where they were.
    ///
    /// ```
    /// # use dsync_mock::MockDriver;
    /// # let store = MockDriver::new();
    /// store.forget(); // FLUSHALL
    /// ```
    pub fn forget(&self) {
        self.with_state(|state| state.records.forget());
    }

    /// Record loss: the store fails over to a replica that did not receive the last write of `key`.
    /// Returns `false` if there was no write to lose.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// assert!(!store.lose_last_write(&key));
    /// ```
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn lose_last_write(&self, key: &Key) -> bool {
        self.with_state(|state| state.records.lose_last_write(key, state.now))
    }

    /// Edits a label, as an operator does: the version changes, the pulse does not, and the lease
    /// is not lost. With [`Expiry::Backend`](dsync::driver::Expiry::Backend) there are no labels,
    /// and nothing happens.
    ///
    /// ```
    /// # use dsync::{Resource, driver::KeyKind}; use dsync_mock::MockDriver;
    /// # let (store, key) = (MockDriver::new(), Resource::new("a").key(KeyKind::Election));
    /// store.touch(&key); // the holder's next renewal returns `Conflict`
    /// ```
    pub fn touch(&self, key: &Key) {
        self.with_state(|state| {
            if state.records.is_observer() {
                state.records.touch(key, state.now);
            }
        });
    }
}
