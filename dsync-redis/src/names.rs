//! What a key is called in the store.

use dsync::driver::{Key, KeyKind};

/// The keys of one lease. All have the same hash tag, so that a cluster keeps them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The record, and the channel on which its release is told.
    pub(crate) record: String,
    /// The last fencing token.
    pub(crate) counter: String,
    /// Never there.
    pub(crate) nothing: String,
}

impl Names {
    pub(crate) fn of(key: &Key) -> Self {
        let kind = match key.kind() {
            KeyKind::Election => "election",
            KeyKind::Lock => "lock",
        };
        // Neither a namespace nor a name has a brace, a slash or a colon in it.
        let record = format!("dsync:{kind}:{{{}/{}}}", key.namespace(), key.name());
        let (counter, nothing) = (format!("{record}:token"), format!("{record}:nothing"));
        Self { record, counter, nothing }
    }
}
