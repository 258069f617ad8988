//! One script for each verb: one round trip, run atomically by the server.

use redis::Script;

/// How long the counter of fencing tokens is kept after the lease was last acquired or renewed: 30
/// days, in milliseconds.
pub(crate) const COUNTER_MS: u64 = 30 * 24 * 60 * 60 * 1000;

#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) read: Script,
    pub(crate) acquire: Script,
    pub(crate) renew: Script,
    pub(crate) release: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            read: Script::new(include_str!("lua/read.lua")),
            acquire: Script::new(include_str!("lua/acquire.lua")),
            renew: Script::new(include_str!("lua/renew.lua")),
            release: Script::new(include_str!("lua/release.lua")),
        }
    }
}
