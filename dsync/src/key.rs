use std::fmt;
use std::sync::Arc;

/// Whether a [`Key`] names an election or a lock. A driver may treat the two differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// An election. Elections are few and long-lived, so their records may stay.
    Election,
    /// A lock. Locks are many and short-lived, so a released one leaves no record.
    Lock,
}

/// The name of one lease in the store.
///
/// [`Resource::key`](crate::Resource::key) makes it. From a valid resource, namespace and name are
/// DNS names in lower case, the name is at most 253 bytes, and no two resources share a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: KeyKind,
    namespace: Arc<str>,
    name: Arc<str>,
}

impl Key {
    /// Makes a key from its parts, unchecked.
    #[must_use]
    pub fn new(kind: KeyKind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// Returns whether it names an election or a lock.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the namespace, such as `default`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the name within the namespace, such as `billing.election.token-manager`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
