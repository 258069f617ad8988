//! The durations of an election or a lock, and the rules between them.

use std::time::Duration;

use crate::driver::Capabilities;
use crate::{Error, Result};

/// The durations of an election or a lock.
///
/// Most users set only the lease duration `L`, which is 15 s by default. The others follow from it:
///
/// | setting | default | meaning |
/// |---|---|---|
/// | lease duration `L` | 15 s | how long a rival waits before it takes a dead holder's lease |
/// | renew deadline | 2/3 `L` | a term ends by itself this long after its last successful renewal was sent |
/// | renew period | 1/3 `L` | how often the holder renews |
/// | retry period | 1/15 `L` | the pause after a failed request |
/// | request timeout | 2/15 `L` | how long one request may take |
/// | drift | 1 % | how much the rate of a clock may differ from true time |
///
/// The *margin* is `max(2 × drift × L, 100 ms)`. Work that a term still runs at the hard deadline,
/// `L - margin` after its last successful renewal was sent, is dropped.
///
/// Values that were set stay when the lease duration changes. The others are derived from the new
/// one and rounded down to the millisecond.
///
/// ```
/// use std::time::Duration;
/// use dsync::Timing;
///
/// let timing = Timing::new(Duration::from_secs(6));
/// assert_eq!(timing.renew_deadline(), Duration::from_secs(4));
/// assert!(timing.validate().is_ok());
///
/// let wrong = Timing::new(Duration::from_secs(6)).with_renew_deadline(Duration::from_secs(6));
/// assert!(wrong.validate().is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    lease_duration: Duration,
    renew_deadline: Option<Duration>,
    renew_period: Option<Duration>,
    retry_period: Option<Duration>,
    request_timeout: Option<Duration>,
    drift: f64,
}

/// A longer lease is assumed to be a mistake, such as milliseconds given as seconds.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const LEAST_MARGIN: Duration = Duration::from_millis(100);
const GREATEST_DRIFT: f64 = 0.1;

impl Default for Timing {
    fn default() -> Self {
        Self::new(Duration::from_secs(15))
    }
}

impl Timing {
    /// Returns the timing that follows from a lease duration.
    #[must_use]
    pub fn new(lease_duration: Duration) -> Self {
        Self {
            lease_duration,
            renew_deadline: None,
            renew_period: None,
            retry_period: None,
            request_timeout: None,
            drift: 0.01,
        }
    }

    /// Sets the lease duration.
    #[must_use]
    pub fn with_lease_duration(mut self, duration: Duration) -> Self {
        self.lease_duration = duration;
        self
    }

    /// Sets the renew deadline.
    #[must_use]
    pub fn with_renew_deadline(mut self, deadline: Duration) -> Self {
        self.renew_deadline = Some(deadline);
        self
    }

    /// Sets the renew period.
    #[must_use]
    pub fn with_renew_period(mut self, period: Duration) -> Self {
        self.renew_period = Some(period);
        self
    }

    /// Sets the retry period.
    #[must_use]
    pub fn with_retry_period(mut self, period: Duration) -> Self {
        self.retry_period = Some(period);
        self
    }

    /// Sets the request timeout.
    #[must_use]
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }

    /// Sets how much the rate of a clock may differ from true time, as a fraction: `0.01` is one
    /// percent.
    #[must_use]
    pub fn with_drift(mut self, drift: f64) -> Self {
        self.drift = drift;
        self
    }

    /// Returns how long a rival waits before it takes a dead holder's lease.
    #[must_use]
    pub fn lease_duration(&self) -> Duration {
        self.lease_duration
    }

    /// Returns how long after its last successful renewal was sent a term ends by itself.
    #[must_use]
    pub fn renew_deadline(&self) -> Duration {
        self.renew_deadline.unwrap_or_else(|| self.fraction(10))
    }

    /// Returns how often the holder renews.
    #[must_use]
    pub fn renew_period(&self) -> Duration {
        self.renew_period.unwrap_or_else(|| self.fraction(5))
    }

    /// Returns the pause after a failed request.
    #[must_use]
    pub fn retry_period(&self) -> Duration {
        self.retry_period.unwrap_or_else(|| self.fraction(1))
    }

    /// Returns how long one request may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        self.request_timeout.unwrap_or_else(|| self.fraction(2))
    }

    /// Returns how much the rate of a clock may differ from true time, as a fraction.
    #[must_use]
    pub fn drift(&self) -> f64 {
        self.drift
    }

    /// Returns the time between the hard deadline of a term and the earliest instant at which a
    /// rival can win.
    #[must_use]
    pub fn margin(&self) -> Duration {
        let drift = if self.drift.is_finite() { self.drift.clamp(0.0, 1.0) } else { 0.0 };
        self.lease_duration.min(LONGEST).mul_f64(2.0 * drift).max(LEAST_MARGIN)
    }

    /// Returns how long after its last successful renewal was sent the work of a term is dropped.
    #[must_use]
    pub fn hard_deadline(&self) -> Duration {
        self.lease_duration.saturating_sub(self.margin())
    }

    /// `parts` fifteenths of the lease duration, rounded down to the millisecond.
    fn fraction(&self, parts: u32) -> Duration {
        let millis = self.lease_duration.as_millis() * u128::from(parts) / 15;
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// Checks every rule between the durations.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid), naming every violated rule with its
    /// values.
    pub fn validate(&self) -> Result<()> {
        complain(&self.violations())
    }

    /// Checks also what the store requires.
    pub(crate) fn validate_for(&self, driver: &str, capabilities: &Capabilities) -> Result<()> {
        let mut violations = self.violations();
        if self.lease_duration < capabilities.min_lease {
            violations.push(format!(
                "lease_duration {:?} is below the shortest lease of the {driver} driver, {:?}",
                self.lease_duration, capabilities.min_lease
            ));
        }
        complain(&violations)
    }

    fn violations(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let all = [
            ("lease_duration", self.lease_duration),
            ("renew_deadline", self.renew_deadline()),
            ("renew_period", self.renew_period()),
            ("retry_period", self.retry_period()),
            ("request_timeout", self.request_timeout()),
        ];
        for (name, value) in all {
            if value.is_zero() {
                violations.push(format!("{name} is {value:?}: it must be longer than zero"));
            }
            if value > LONGEST {
                violations.push(format!("{name} is {value:?}: the longest is {LONGEST:?}"));
            }
        }
        if !(self.drift.is_finite() && (0.0..=GREATEST_DRIFT).contains(&self.drift)) {
            violations
                .push(format!("drift is {}: it must be from 0 to {GREATEST_DRIFT}", self.drift));
        }
        if !violations.is_empty() {
            return violations; // The rules below would only repeat them.
        }
        let (deadline, limit) = (self.renew_deadline(), self.hard_deadline());
        if deadline >= limit {
            violations.push(format!(
                "renew_deadline {deadline:?} must be below lease_duration {:?} - margin {:?} = \
                 {limit:?}",
                self.lease_duration,
                self.margin()
            ));
        }
        let (period, timeout, retry) =
            (self.renew_period(), self.request_timeout(), self.retry_period());
        let needed = period + 2 * timeout + retry;
        if needed > deadline {
            violations.push(format!(
                "renew_period {period:?} + 2 x request_timeout {timeout:?} + retry_period \
                 {retry:?} = {needed:?} must not be above renew_deadline {deadline:?}, or one lost \
                 request would end a term"
            ));
        }
        violations
    }
}

fn complain(violations: &[String]) -> Result<()> {
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!("timing: {}", violations.join("; "))))
}
