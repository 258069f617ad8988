//! What the election and the lock of a run are called.

use dsync::Resource;
use dsync::driver::{Key, KeyKind};

/// The index of the election among the keys.
pub(crate) const ELECTION: usize = 0;
/// The index of the lock.
pub(crate) const LOCK: usize = 1;

/// What the election and the lock of a run are called.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) scope: String,
    pub(crate) election: String,
    pub(crate) lock: String,
}

impl Default for Names {
    fn default() -> Self {
        Self { scope: "suite".to_owned(), election: "task".to_owned(), lock: "account".to_owned() }
    }
}

impl Names {
    /// Names in a scope that no other cluster uses.
    pub(crate) fn in_scope(scope: String) -> Self {
        Self { scope, ..Self::default() }
    }

    pub(crate) fn key(&self, index: usize) -> Key {
        let (kind, name) = match index {
            ELECTION => (KeyKind::Election, &self.election),
            _ => (KeyKind::Lock, &self.lock),
        };
        Resource::new(name.as_str()).with_scope(&self.scope).key(kind)
    }
}
