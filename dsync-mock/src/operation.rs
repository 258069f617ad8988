//! The four calls, each applied at one instant.

use dsync::driver::{Acquired, Claim, Holder, Key, Lease, Released, Renewed, Verb};
use tokio::time::Instant;

use crate::log::Outcome;
use crate::records::Records;

pub(crate) trait Operation: Send + 'static {
    type Answer: Send + 'static;

    const VERB: Verb;

    /// Who calls, where the call says it.
    fn holder(&self) -> Option<&Holder>;

    fn apply(&self, records: &mut Records, key: &Key, now: Instant) -> Self::Answer;

    fn outcome(answer: &Self::Answer) -> Outcome;
}

pub(crate) struct Read;

impl Operation for Read {
    type Answer = Option<Lease>;
    const VERB: Verb = Verb::Read;

    fn holder(&self) -> Option<&Holder> {
        None
    }

    fn apply(&self, records: &mut Records, key: &Key, now: Instant) -> Option<Lease> {
        records.read(key, now)
    }

    fn outcome(_: &Option<Lease>) -> Outcome {
        Outcome::Read
    }
}

pub(crate) struct Acquire(pub(crate) Claim);

impl Operation for Acquire {
    type Answer = Acquired;
    const VERB: Verb = Verb::Acquire;

    fn holder(&self) -> Option<&Holder> {
        Some(&self.0.holder)
    }

    fn apply(&self, records: &mut Records, key: &Key, now: Instant) -> Acquired {
        records.acquire(key, &self.0, now)
    }

    fn outcome(answer: &Acquired) -> Outcome {
        match answer {
            Acquired::Won(_) => Outcome::Won,
            Acquired::Held(_) => Outcome::Held,
        }
    }
}

pub(crate) struct Renew(pub(crate) Lease);

impl Operation for Renew {
    type Answer = Renewed;
    const VERB: Verb = Verb::Renew;

    fn holder(&self) -> Option<&Holder> {
        self.0.holder.as_ref()
    }

    fn apply(&self, records: &mut Records, key: &Key, now: Instant) -> Renewed {
        records.renew(key, &self.0, now)
    }

    fn outcome(answer: &Renewed) -> Outcome {
        match answer {
            Renewed::Kept(_) => Outcome::Kept,
            Renewed::Lost(_) => Outcome::Lost,
            Renewed::Conflict => Outcome::Conflict,
        }
    }
}

pub(crate) struct Release(pub(crate) Lease);

impl Operation for Release {
    type Answer = Released;
    const VERB: Verb = Verb::Release;

    fn holder(&self) -> Option<&Holder> {
        self.0.holder.as_ref()
    }

    fn apply(&self, records: &mut Records, key: &Key, now: Instant) -> Released {
        records.release(key, &self.0, now)
    }

    fn outcome(answer: &Released) -> Outcome {
        match answer {
            Released::Freed => Outcome::Released,
            Released::NotHeld => Outcome::NotHeld,
            Released::Conflict => Outcome::Conflict,
        }
    }
}
