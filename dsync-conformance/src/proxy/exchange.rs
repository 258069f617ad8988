//! What the directions of a connection share.

use std::sync::atomic::AtomicBool;

/// What both directions of a connection know of each other.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The driver was sent something.
    pub(super) answered: AtomicBool,
    /// The next answer is to be lost.
    pub(super) loses: AtomicBool,
}
