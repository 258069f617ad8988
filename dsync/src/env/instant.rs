use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A point in time on the clock of one [`Env`](super::Env), as the time since its epoch.
///
/// Instants of different envs cannot be compared.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// The epoch.
    pub const EPOCH: Self = Self(Duration::ZERO);

    /// An instant later than all others.
    pub const NEVER: Self = Self(Duration::MAX);

    /// Returns the instant at `offset` after the epoch.
    #[must_use]
    pub const fn at(offset: Duration) -> Self {
        Self(offset)
    }

    /// Returns the time since the epoch.
    #[must_use]
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// Returns the time from `earlier` to this instant, or zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the time from this instant until `later`, or zero if `later` is earlier.
    #[must_use]
    pub const fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:?}", self.0)
    }
}
