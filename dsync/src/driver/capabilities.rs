use std::time::Duration;

/// Who declares a lease dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// The store forgets the record by itself (Redis, etcd).
    Backend,
    /// The record stays until somebody takes it over. Every observer measures on a clock of its
    /// own how long the record has not changed (Kubernetes).
    Observer,
}

/// What a [watch](super::Driver::watch) reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchScope {
    /// Nothing. The core reads once in a retry period.
    Nothing,
    /// Releases only. The core sets a timer for the expiry and then tries once (Redis).
    Releases,
    /// Every change of the record; with [`Expiry::Backend`] its expiry as well.
    Changes,
}

/// What a store can do, declared by its [`Driver`](super::Driver).
///
/// Start from [`Capabilities::new`], which declares as little as possible, and raise what the
/// store keeps. A capability that is declared is a promise, and a test suite may hold the driver
/// to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct Capabilities {
    /// Who declares a lease dead.
    pub expiry: Expiry,
    /// What a watch reports.
    pub watch: WatchScope,
    /// The shortest lease duration that the store accepts.
    pub min_lease: Duration,
    /// The store counts durations in multiples of this; the driver rounds up.
    pub lease_granularity: Duration,
    /// How long after its duration a dead lease may still look alive. Failover takes as much
    /// longer.
    pub max_expiry_lag: Duration,
    /// A released *election* keeps its record, without a holder. Then a record that vanishes was
    /// deleted by somebody else, while its holder may still be alive, and the core waits out the
    /// lease that it knew of.
    pub keeps_released_elections: bool,
    /// Fencing tokens go on growing after an operator deleted the record.
    pub token_survives_delete: bool,
    /// Fencing tokens go on growing after a restart of the store.
    pub token_survives_restart: bool,
    /// Fencing tokens go on growing after the store lost acknowledged writes (a fail-over to an
    /// asynchronous replica, a restored backup).
    pub token_survives_loss: bool,
}

impl Capabilities {
    /// The least that a driver can declare: no watch, leases of whole seconds, tokens that
    /// survive nothing.
    #[must_use]
    pub fn new(expiry: Expiry) -> Self {
        Self {
            expiry,
            watch: WatchScope::Nothing,
            min_lease: Duration::from_secs(1),
            lease_granularity: Duration::from_secs(1),
            max_expiry_lag: Duration::ZERO,
            keeps_released_elections: false,
            token_survives_delete: false,
            token_survives_restart: false,
            token_survives_loss: false,
        }
    }

    /// Declares what a watch reports.
    #[must_use]
    pub fn with_watch(mut self, watch: WatchScope) -> Self {
        self.watch = watch;
        self
    }

    /// Declares the shortest lease duration and the unit in which the store counts it.
    #[must_use]
    pub fn with_lease(mut self, min: Duration, granularity: Duration) -> Self {
        self.min_lease = min;
        self.lease_granularity = granularity;
        self
    }

    /// Declares how long after its duration a dead lease may still look alive.
    #[must_use]
    pub fn with_max_expiry_lag(mut self, lag: Duration) -> Self {
        self.max_expiry_lag = lag;
        self
    }

    /// Declares that a released election keeps its record, without a holder.
    #[must_use]
    pub fn with_released_elections_kept(mut self) -> Self {
        self.keeps_released_elections = true;
        self
    }

    /// Declares that fencing tokens keep growing after an operator deleted the record.
    #[must_use]
    pub fn with_token_surviving_delete(mut self) -> Self {
        self.token_survives_delete = true;
        self
    }

    /// Declares that fencing tokens keep growing after a restart of the store.
    #[must_use]
    pub fn with_token_surviving_restart(mut self) -> Self {
        self.token_survives_restart = true;
        self
    }

    /// Declares that fencing tokens keep growing after the store lost acknowledged writes, as in
    /// a fail-over to an asynchronous replica.
    #[must_use]
    pub fn with_token_surviving_loss(mut self) -> Self {
        self.token_survives_loss = true;
        self
    }
}
