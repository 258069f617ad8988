//! What a connection can ask of the store.

use std::fmt;

/// A kind of request, to pick the calls that a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// [`Driver::read`](dsync::Driver::read).
    Read,
    /// [`Driver::acquire`](dsync::Driver::acquire).
    Acquire,
    /// [`Driver::renew`](dsync::Driver::renew).
    Renew,
    /// [`Driver::release`](dsync::Driver::release).
    Release,
    /// The start of a [`Driver::watch`](dsync::Driver::watch).
    Watch,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Acquire => "acquire",
            Self::Renew => "renew",
            Self::Release => "release",
            Self::Watch => "watch",
        })
    }
}
