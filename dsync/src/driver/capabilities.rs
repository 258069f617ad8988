use std::time::Duration;

/// Who decides that a lease has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// The store removes an expired record by itself (Redis, etcd).
    Backend,
    /// The record stays until another candidate takes it over. Every observer measures on its own
    /// clock how long the record has not changed (Kubernetes).
    Observer,
}

/// Which events a [watch](super::Driver::watch) reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchScope {
    /// None. The core reads once in a retry period.
    Nothing,
    /// Releases only. The core sets a timer for the expiry and tries once when it fires (Redis).
    Releases,
    /// Every change of the record, and with [`Expiry::Backend`] also its expiry.
    Changes,
}

/// What a store can do, declared by its [`Driver`](super::Driver).
///
/// Start from [`Capabilities::new`], which declares the minimum, and add what the store
/// guarantees. Each declaration is a promise that the conformance suite tests.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct Capabilities {
    /// Who decides that a lease has expired.
    pub expiry: Expiry,
    /// Which events a watch reports.
    pub watch: WatchScope,
    /// The shortest lease duration that the store accepts.
    pub min_lease: Duration,
    /// The unit in which the store counts durations. The driver rounds up to it.
    pub lease_granularity: Duration,
    /// How long an expired lease may still be reported as held. A fail-over takes that much
    /// longer.
    pub max_expiry_lag: Duration,
    /// Whether a released *election* always keeps its record, without a holder. Then a record that
    /// vanishes was deleted by an operator while its holder may still run, and the core waits for
    /// the end of the lease that it last saw.
    pub keeps_released_elections: bool,
    /// Whether fencing tokens keep growing after an operator deleted the record.
    pub token_survives_delete: bool,
    /// Whether fencing tokens keep growing after a restart of the store.
    pub token_survives_restart: bool,
    /// Whether fencing tokens keep growing after the store lost acknowledged writes, as in a
    /// fail-over to an asynchronous replica, or from a restored backup.
    pub token_survives_loss: bool,
}

impl Capabilities {
    /// Returns the minimum: no watch, leases of whole seconds, and tokens that survive nothing.
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

    /// Declares which events a watch reports.
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

    /// Declares how long an expired lease may still be reported as held.
    #[must_use]
    pub fn with_max_expiry_lag(mut self, lag: Duration) -> Self {
        self.max_expiry_lag = lag;
        self
    }

    /// Declares that a released election always keeps its record, without a holder.
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
