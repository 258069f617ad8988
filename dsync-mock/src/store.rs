//! The store behind all connections, and the requests on their way to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dsync::driver::{Expiry, Key};
use dsync::{Error, Result};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::clock;
use crate::log::{Log, Outcome};
use crate::network::{Fate, Network};
use crate::operation::Operation;
use crate::records::Records;

#[derive(Debug)]
pub(crate) struct Store(Mutex<State>);

impl Store {
    pub(crate) fn new(expiry: Expiry) -> Self {
        Self(Mutex::new(State {
            now: clock::now(),
            records: Records::new(expiry),
            network: Network::default(),
            log: Log::new(clock::now()),
            parcels: BTreeMap::new(),
            parcels_sent: 0,
        }))
    }

    /// The store as it is now: what was due has landed.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(clock::now());
        state
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: Instant,
    pub(crate) records: Records,
    pub(crate) network: Network,
    pub(crate) log: Log,
    /// Requests in flight, in the order in which they are applied.
    parcels: BTreeMap<(Instant, u64), Parcel>,
    parcels_sent: u64,
}

struct Parcel {
    key: Key,
    land: Box<dyn FnOnce(&mut State) + Send>,
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parcel").field(&self.key).finish()
    }
}

/// A request that was sent.
pub(crate) struct Sent<A> {
    /// When it lands, if not at once.
    pub(crate) lands: Option<Instant>,
    /// Closed without a value if there will never be an answer.
    pub(crate) answer: oneshot::Receiver<Result<A>>,
}

impl State {
    /// Lands what is due, each at its own instant. The time never goes back, even if two threads
    /// look at the clock in one order and lock in the other.
    fn settle(&mut self, now: Instant) {
        while let Some(first) = self.parcels.first_entry() {
            let (due, _) = *first.key();
            if due > now {
                break;
            }
            let parcel = first.remove();
            self.now = self.now.max(due);
            (parcel.land)(self);
        }
        self.now = self.now.max(now);
    }

    /// Sends a call of `instance`. It is applied later, even if the caller has gone.
    pub(crate) fn send<O: Operation>(
        &mut self,
        instance: Option<&str>,
        key: &Key,
        operation: O,
    ) -> Sent<O::Answer> {
        let (sender, answer) = oneshot::channel();
        let entry = self.log.sent(self.now, instance, O::VERB, key);
        let route = self.network.route(instance, O::VERB);
        let arrival = route.and_then(|(fate, delay)| Some((fate, self.now.checked_add(delay)?)));
        let Some((fate, due)) = arrival else {
            self.log.settle(entry, Outcome::NeverArrived);
            return Sent { lands: None, answer };
        };

        let to = key.clone();
        let land = move |state: &mut Self| {
            if let Fate::Fail(error) = fate {
                state.log.settle(entry, Outcome::Failed(error.kind()));
                drop(sender.send(Err(error)));
                return;
            }
            let answer = operation.apply(&mut state.records, &to, state.now);
            state.log.settle(entry, O::outcome(&answer));
            // The caller may have given up, and then the answer has no receiver.
            drop(match fate {
                Fate::Unanswered(_) => Ok(()),
                Fate::FailApplied(kind) => {
                    let message = format!("the answer to {} was lost", O::VERB);
                    sender.send(Err(Error::ambiguous(kind, message)))
                }
                Fate::Deliver | Fate::Fail(_) => sender.send(Ok(answer)),
            });
        };
        if due <= self.now {
            land(self);
            return Sent { lands: None, answer };
        }
        self.parcels_sent += 1;
        let parcel = Parcel { key: key.clone(), land: Box::new(land) };
        self.parcels.insert((due, self.parcels_sent), parcel);
        // Watches set a timer for it.
        self.records.slot(key, self.now).nudge();
        Sent { lands: Some(due), answer }
    }

    /// When `key` changes next by itself.
    pub(crate) fn next_change(&mut self, key: &Key) -> Option<Instant> {
        let lands =
            self.parcels.iter().find(|(_, parcel)| parcel.key == *key).map(|((due, _), _)| *due);
        if self.records.is_observer() {
            return lands;
        }
        let slot = self.records.slot(key, self.now);
        let expires = slot.record.as_ref().and_then(|record| record.runs_out);
        lands.into_iter().chain(expires).min()
    }
}
