use std::fmt;
use std::sync::Arc;

/// What a [`Key`] is for. A driver may treat the two differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// An election: few, long-lived, worth a record that stays.
    Election,
    /// A lock: many, short-lived; a released one leaves nothing behind.
    Lock,
}

/// Names one lease in the store.
///
/// The core makes keys from a validated [`Resource`](crate::Resource): namespace and name are
/// DNS names in lower case, the name is at most 253 bytes, and no two resources share a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    kind: KeyKind,
    namespace: Arc<str>,
    name: Arc<str>,
}

impl Key {
    /// A key from its parts, as they are.
    #[must_use]
    pub fn new(kind: KeyKind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// Election or lock.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The namespace, such as `default`.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name within the namespace, such as `billing.election.token-manager`.
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
