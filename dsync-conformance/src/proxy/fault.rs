//! The faults of the proxy.

use std::time::Duration;

/// A direction of the bytes on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the driver to the server.
    Requests,
    /// From the server to the driver.
    Answers,
}

/// A fault of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Resets open connections and refuses new ones.
    Cut,
    /// Resets open connections once. New ones are accepted.
    Reset,
    /// Holds back all bytes in this direction without closing the connection: a black hole. They are
    /// forwarded when it heals. Set it twice to hold both directions.
    Hold(Direction),
    /// Delays all bytes in this direction. Zero ends the delay.
    Delay(Direction, Duration),
    /// Resets a connection after so many more bytes in this direction, counted over all connections.
    ///
    /// The connection that carried the last of them is reset, even in the middle of a message. With
    /// zero bytes it is the connection that would carry the next one. Then the fault is over.
    CutAfter {
        /// The direction that counts.
        direction: Direction,
        /// How many bytes still pass.
        bytes: u64,
    },
    /// Forwards the next request to the server, swallows its answer, and resets its connection: the
    /// write was applied, but its client does not learn that. Then the fault is over.
    ///
    /// Only connections that have already carried an answer count, so that the start of a handshake is
    /// not mistaken for a request. If a protocol has no handshake, send one request beforehand.
    LoseAnswer,
    /// Forwards at most `bytes` at a time, with a pause of `every` in between.
    Drip {
        /// The direction that drips.
        direction: Direction,
        /// How many bytes at a time; at least one.
        bytes: usize,
        /// The pause.
        every: Duration,
    },
}
