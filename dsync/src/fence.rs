//! Fencing: protection from work that no library can stop.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that grows with every acquisition of a key.
///
/// Send it with every write that a term makes, and let the resource refuse a token that is lower
/// than the highest it has seen. Then a former leader that was suspended for minutes cannot
/// overwrite what its successor wrote: its token is lower. [`FenceGate`] is such a check for a
/// resource within one process.
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
/// -- 0 rows updated: a newer term has written, so stop.
/// ```
///
/// # Over HTTP
///
/// Send it as a header. The receiving service compares it under its own lock and answers a lower
/// one with `412 Precondition Failed`:
///
/// ```text
/// PUT /accounts/42
/// Fencing-Token: 1207
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(u64);

impl FencingToken {
    /// A token that is lower than every token that a store grants.
    pub const ZERO: Self = Self(0);

    /// Makes a token from its number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
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

/// Admits a token only if it is not lower than the highest that it has admitted.
///
/// Use it to protect a resource within one process. It keeps the highest token in memory. A
/// resource that outlives its process keeps the highest token with its data, see [`FencingToken`].
///
/// ```
/// use dsync::{FenceGate, FencingToken};
///
/// let gate = FenceGate::new();
/// assert!(gate.admit(FencingToken::new(7)).is_ok());
/// assert!(gate.admit(FencingToken::new(7)).is_ok(), "the same term continues");
/// assert!(gate.admit(FencingToken::new(6)).is_err(), "an earlier term is refused");
/// ```
#[derive(Debug, Default)]
pub struct FenceGate {
    highest: AtomicU64,
}

impl FenceGate {
    /// Returns a gate that has admitted no token.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: AtomicU64::new(0) }
    }

    /// Returns a gate for a resource that has already admitted `token`.
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

    /// Returns the highest token that was admitted.
    #[must_use]
    pub fn highest(&self) -> FencingToken {
        FencingToken(self.highest.load(Ordering::Acquire))
    }
}

/// The error of a [`FenceGate`] for a token of an earlier term.
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
            "stale fencing token {}: a later term with token {} has been admitted",
            self.token, self.highest
        )
    }
}

impl std::error::Error for StaleToken {}
