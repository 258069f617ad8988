//! Acquires whose outcome is unknown until the store shows whether they were applied.
//!
//! The core adopts such a lease when it reads it. Without the grant in the history, the renewals of
//! its term could not be assigned either, and the term would seem to outlive its deadline.

use std::sync::{Mutex, PoisonError};

use dsync::driver::{Holder, Lease};

use crate::history::At;

/// The acquires of one connection that may have been applied.
#[derive(Debug, Default)]
pub(crate) struct Unsettled(Mutex<Vec<Attempt>>);

/// An acquire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The name of its call.
    pub(crate) call: u64,
    /// Its holder, which no other attempt has.
    pub(crate) holder: Holder,
    /// When it was sent.
    pub(crate) sent: At,
}

impl Unsettled {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<Attempt>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records that an acquire was sent. If its caller gives up, its outcome stays open.
    pub(crate) fn sent(&self, attempt: Attempt) {
        self.with(|attempts| attempts.push(attempt));
    }

    /// The outcome is known.
    pub(crate) fn known(&self, holder: &Holder) {
        self.with(|attempts| attempts.retain(|attempt| attempt.holder != *holder));
    }

    /// The store shows a record: the attempt that it settles, once.
    pub(crate) fn seen(&self, record: Option<&Lease>) -> Option<Attempt> {
        let holder = record?.holder.as_ref()?;
        self.with(|attempts| {
            let index = attempts.iter().position(|attempt| attempt.holder == *holder)?;
            Some(attempts.swap_remove(index))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dsync::FencingToken;
    use dsync::driver::{Nonce, Pulse, Version};

    use super::*;

    fn attempt(number: u64) -> Attempt {
        let holder = Holder::new("a", Nonce::new(number));
        Attempt { call: number, holder, sent: Duration::from_secs(number) }
    }

    fn record(number: u64) -> Lease {
        let holder = attempt(number).holder;
        let (version, pulse) = (Version::new("1"), Pulse::new("1"));
        Lease::held(holder, Duration::from_secs(1), version, pulse, FencingToken::new(7))
    }

    #[test]
    fn an_attempt_is_settled_once_and_only_if_it_was_not_known() {
        let unsettled = Unsettled::default();
        unsettled.sent(attempt(1));
        unsettled.sent(attempt(2));
        unsettled.known(&attempt(2).holder);
        assert_eq!(unsettled.seen(None), None);
        assert_eq!(unsettled.seen(Some(&record(3))), None);
        assert_eq!(unsettled.seen(Some(&record(2))), None);
        assert_eq!(unsettled.seen(Some(&record(1))), Some(attempt(1)));
        assert_eq!(unsettled.seen(Some(&record(1))), None);
    }
}
