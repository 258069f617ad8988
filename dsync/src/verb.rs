use std::fmt;

/// One of the requests that a [`Driver`](crate::Driver) sends to its store.
///
/// Displayed as the method is named: `read`, `acquire`, `renew`, `release`, `watch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// [`Driver::read`](crate::Driver::read).
    Read,
    /// [`Driver::acquire`](crate::Driver::acquire).
    Acquire,
    /// [`Driver::renew`](crate::Driver::renew).
    Renew,
    /// [`Driver::release`](crate::Driver::release).
    Release,
    /// The start of a [`Driver::watch`](crate::Driver::watch).
    Watch,
}

impl Verb {
    /// Returns the name of the method, such as `"renew"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Acquire => "acquire",
            Self::Renew => "renew",
            Self::Release => "release",
            Self::Watch => "watch",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
