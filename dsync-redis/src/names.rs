//! The names of a key in the store.

use dsync::driver::{Key, KeyKind};

/// The Redis keys of one lease. They share a hash tag, so a cluster keeps them on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The record, and the channel on which its release is published.
    pub(crate) record: String,
    /// The last fencing token.
    pub(crate) counter: String,
    /// A key that never exists. Reads delete it, which a replica refuses.
    pub(crate) absent: String,
}

impl Names {
    pub(crate) fn of(key: &Key) -> Self {
        let kind = match key.kind() {
            KeyKind::Election => "election",
            KeyKind::Lock => "lock",
        };
        // Namespaces and names contain no braces, slashes or colons, so names are unambiguous.
        let record = format!("dsync:{kind}:{{{}/{}}}", key.namespace(), key.name());
        let (counter, absent) = (format!("{record}:token"), format!("{record}:nothing"));
        Self { record, counter, absent }
    }
}
