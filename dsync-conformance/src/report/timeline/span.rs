//! A period of a run, and how instants and durations are written.

use std::fmt;
use std::time::Duration;

use crate::history::At;

/// A period of a run. Both of its ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) from: At,
    pub(super) to: At,
}

impl Span {
    pub(super) fn new(from: At, to: At) -> Self {
        Self { from, to }
    }

    pub(super) fn length(self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    pub(super) fn contains(self, at: At) -> bool {
        self.from <= at && at <= self.to
    }

    /// Whether the two have an instant in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    /// The period with at least a millisecond in it, so that its length can be divided by.
    pub(super) fn not_empty(self) -> Self {
        Self { to: self.to.max(self.from + Duration::from_millis(1)), ..self }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {} ({})", seconds(self.from), seconds(self.to), length(self.length()))
    }
}

/// Seconds with milliseconds, without the unit.
pub(super) fn number(at: At) -> String {
    format!("{:.3}", at.as_secs_f64())
}

/// Seconds with milliseconds.
pub(super) fn seconds(at: At) -> String {
    format!("{:.3} s", at.as_secs_f64())
}

/// A duration in the unit and the precision that suit it.
pub(super) fn length(length: Duration) -> String {
    match length.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        seconds if seconds < 10.0 => format!("{seconds:.2} s"),
        seconds => format!("{seconds:.1} s"),
    }
}
