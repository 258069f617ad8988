//! What happens between an instance and the store.

use std::time::Duration;

use dsync::{Error, ErrorKind};

use crate::network::Fate;
use crate::{Cut, MockDriver};
use dsync::driver::Verb;

/// # Faults of the network
///
/// Each fault hits all connections of an instance. Faults of *the next* call queue up, one for each
/// call of that verb, and wait while a partition lasts.
impl MockDriver {
    /// Cuts `instance` off until [`heal`](Self::heal).
    ///
    /// Calls that are sent in the meantime hang, and still hang after the cut has healed: their
    /// packets are lost. A request that was sent before still arrives. A cut in either direction
    /// silences the watches, which report the latest state afterwards.
    ///
    /// ```
    /// # use dsync_mock::{Cut, MockDriver}; let store = MockDriver::new();
    /// store.partition("pod-a", Cut::Both);
    /// ```
    pub fn partition(&self, instance: &str, cut: Cut) {
        self.with_state(|state| state.network.link(instance).cut = Some(cut));
    }

    /// Ends the partition, the refusals and the delays of `instance`.
    ///
    /// ```
    /// # use dsync_mock::MockDriver; let store = MockDriver::new();
    /// store.heal("pod-a");
    /// ```
    pub fn heal(&self, instance: &str) {
        self.with_state(|state| {
            state.network.link(instance).heal();
            state.records.nudge_all();
        });
    }

    /// Delays every request of `instance`, or none if `delay` is zero. A request still arrives if
    /// its caller has given up.
    ///
    /// ```
    /// # use dsync_mock::MockDriver; let store = MockDriver::new();
    /// store.delay_requests("pod-a", std::time::Duration::from_millis(50));
    /// ```
    pub fn delay_requests(&self, instance: &str, delay: Duration) {
        self.with_state(|state| state.network.link(instance).request_delay = delay);
    }

    /// Delays every answer to `instance`, or none if `delay` is zero.
    ///
    /// ```
    /// # use dsync_mock::MockDriver; let store = MockDriver::new();
    /// store.delay_answers("pod-a", std::time::Duration::from_millis(50));
    /// ```
    pub fn delay_answers(&self, instance: &str, delay: Duration) {
        self.with_state(|state| state.network.link(instance).answer_delay = delay);
    }

    /// Fails the next `verb` of `instance` with `error`. The call is not applied, even if `error`
    /// is ambiguous.
    ///
    /// ```
    /// # use dsync::driver::Verb; use dsync::{Error, ErrorKind}; use dsync_mock::MockDriver;
    /// # let store = MockDriver::new();
    /// store.fail_next("pod-a", Verb::Renew, Error::definite(ErrorKind::Throttled, "slow down"));
    /// ```
    pub fn fail_next(&self, instance: &str, verb: Verb, error: Error) {
        self.plan_next(instance, verb, Fate::Fail(error));
    }

    /// Applies the next `verb` of `instance`, and answers it with an ambiguous error of this kind.
    ///
    /// ```
    /// # use dsync::driver::Verb; use dsync::ErrorKind; use dsync_mock::MockDriver;
    /// # let store = MockDriver::new();
    /// store.fail_next_applied("pod-a", Verb::Acquire, ErrorKind::Unavailable);
    /// ```
    pub fn fail_next_applied(&self, instance: &str, verb: Verb, kind: ErrorKind) {
        self.plan_next(instance, verb, Fate::FailApplied(kind));
    }

    /// Applies the next `verb` of `instance` at once and never answers it: the call hangs.
    ///
    /// ```
    /// # use dsync::driver::Verb; use dsync_mock::MockDriver; let store = MockDriver::new();
    /// store.lose_next_answer("pod-a", Verb::Acquire);
    /// ```
    pub fn lose_next_answer(&self, instance: &str, verb: Verb) {
        self.plan_next(instance, verb, Fate::Unanswered(Duration::ZERO));
    }

    /// Never answers the next `verb` of `instance`, and applies it after `delay` if its condition
    /// holds then.
    ///
    /// ```
    /// # use dsync::driver::Verb; use dsync_mock::MockDriver; let store = MockDriver::new();
    /// store.late_next("pod-a", Verb::Acquire, std::time::Duration::from_secs(20));
    /// ```
    pub fn late_next(&self, instance: &str, verb: Verb, delay: Duration) {
        self.plan_next(instance, verb, Fate::Unanswered(delay));
    }

    /// Fails every `verb` of `instance` with `error`, without applying it, until
    /// [`heal`](Self::heal).
    ///
    /// ```
    /// # use dsync::driver::Verb; use dsync::{Error, ErrorKind}; use dsync_mock::MockDriver;
    /// # let store = MockDriver::new();
    /// store.refuse("pod-a", Verb::Acquire, Error::definite(ErrorKind::Denied, "no `create`"));
    /// ```
    pub fn refuse(&self, instance: &str, verb: Verb, error: Error) {
        self.with_state(|state| state.network.link(instance).refused.insert(verb, error));
    }

    /// Ends every watch of `instance` with an error. The next one works.
    ///
    /// ```
    /// # use dsync_mock::MockDriver; let store = MockDriver::new();
    /// store.break_watches("pod-a");
    /// ```
    pub fn break_watches(&self, instance: &str) {
        self.with_state(|state| {
            state.network.break_watches(instance);
            state.records.nudge_all();
        });
    }

    fn plan_next(&self, instance: &str, verb: Verb, fate: Fate) {
        self.with_state(|state| state.network.link(instance).plan_next(verb, fate));
    }
}
