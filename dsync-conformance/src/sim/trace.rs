//! A history as a number, to see that two runs were the same.

use std::fmt::Write as _;

use crate::history::History;

/// A hash of everything that happened, and when. Equal for equal histories, in every process.
#[must_use]
pub fn trace(history: &History) -> u64 {
    // FNV-1a: short, and the same everywhere; histories are not chosen to collide.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut line = String::new();
    for entry in &history.entries {
        line.clear();
        // Writing to a string does not fail.
        let _ = write!(line, "{:?} {:?} {:?}", entry.at, entry.node, entry.event);
        for byte in line.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
