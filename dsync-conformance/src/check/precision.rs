//! How exactly a history knows its instants.

use std::time::Duration;

/// How exactly instants are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precision {
    /// How much later than its bound user code may learn of something.
    pub late: Duration,
    /// Whether the instants at which user code learns of something are exact. If they are not, they
    /// do not show which of two events came first, because a busy machine records them late.
    pub exact: bool,
}

impl Precision {
    /// In virtual time: timers are rounded to milliseconds.
    pub const VIRTUAL: Self = Self { late: Duration::from_millis(5), exact: true };

    /// In real time, on a machine that does other things as well.
    pub const REAL: Self = Self { late: Duration::from_millis(400), exact: false };
}
