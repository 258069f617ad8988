//! Fencing: the guard against work that no library can stop.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that grows with every acquisition of a key.
///
/// Send it along with every write that a term makes, and let the resource refuse a lower one than
/// the highest it has seen ([`FenceGate`] within a process). Then a former leader that was
/// stopped for minutes and wakes up cannot overwrite what its successor wrote: its token is
/// lower.
///
/// Tokens of different resources, or of the same resource in different stores, cannot be
/// compared.
///
/// # In SQL
///
/// Keep the highest token beside the data, and make it part of the condition of each write:
///
/// ```sql
/// UPDATE account SET balance = $1, fence = $2 WHERE id = $3 AND fence <= $2;
/// -- 0 rows updated: a newer term has been here, so stop.
/// ```
///
/// # Over HTTP
///
/// Send it as a header that the receiving service compares under its own lock, and answer a
/// lower one with `412 Precondition Failed`:
///
/// ```text
/// PUT /accounts/42
/// Fencing-Token: 1207
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(u64);

impl FencingToken {
    /// Lower than every token that a store grants.
    pub const ZERO: Self = Self(0);

    /// A token with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Lets a token pass only if it is not lower than the highest that has passed.
///
/// Put one in front of a resource that lives in a process of its own. It is in memory: a resource
/// that outlives its process keeps the highest token with its data, see [`FencingToken`].
///
/// ```
/// use dsync::{FenceGate, FencingToken};
///
/// let gate = FenceGate::new();
/// assert!(gate.admit(FencingToken::new(7)).is_ok());
/// assert!(gate.admit(FencingToken::new(7)).is_ok(), "the same term goes on");
/// assert!(gate.admit(FencingToken::new(6)).is_err(), "an earlier term is refused");
/// ```
#[derive(Debug, Default)]
pub struct FenceGate {
    highest: AtomicU64,
}

impl FenceGate {
    /// A gate that has seen no token.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: AtomicU64::new(0) }
    }

    /// A gate for a resource that has already seen `token`.
    #[must_use]
    pub const fn starting_at(token: FencingToken) -> Self {
        Self { highest: AtomicU64::new(token.0) }
    }

    /// Admits `token` and remembers it.
    ///
    /// # Errors
    ///
    /// [`StaleToken`] if a higher token was admitted before.
    pub fn admit(&self, token: FencingToken) -> Result<(), StaleToken> {
        let highest = self.highest.fetch_max(token.0, Ordering::AcqRel);
        if token.0 < highest {
            return Err(StaleToken { token, highest: FencingToken(highest) });
        }
        Ok(())
    }

    /// The highest token that was admitted.
    #[must_use]
    pub fn highest(&self) -> FencingToken {
        FencingToken(self.highest.load(Ordering::Acquire))
    }
}

/// A [`FenceGate`] refused a token: a later term has been here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleToken {
    /// The token that was refused.
    pub token: FencingToken,
    /// The highest token that was admitted before.
    pub highest: FencingToken,
}

impl fmt::Display for StaleToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fencing token {} is refused: a later term with token {} has been here",
            self.token, self.highest
        )
    }
}

impl std::error::Error for StaleToken {}
