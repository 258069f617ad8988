//! What can be made to go wrong.

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
    /// Open connections are reset and new ones refused.
    Cut,
    /// Open connections are reset, once. New ones are welcome.
    Reset,
    /// Nothing passes in this direction any more, and the connection stays: a black hole. What
    /// was held back flows on when it heals. Both directions: set it twice.
    Hold(Direction),
    /// Everything passes this much later. Zero ends the delay.
    Delay(Direction, Duration),
    /// After so many more bytes in this direction, on all connections together, the connection
    /// that carried the last of them is reset: in the middle of a message, if they end there.
    /// With zero bytes, the one that would carry the next. Then the fault is over.
    CutAfter {
        /// The direction that counts.
        direction: Direction,
        /// How many bytes still pass.
        bytes: u64,
    },
    /// The next request reaches the server, its answer is swallowed, and its connection reset:
    /// the write was applied, but its client does not learn that. Then the fault is over.
    ///
    /// A connection counts as carrying requests once it has carried an answer, so that the
    /// beginning of a handshake is not taken for one. A protocol in which the client is never
    /// answered before its first request has to make one before.
    LoseAnswer,
    /// No more than `bytes` pass at a time, with a pause of `every` between: a slow drip.
    Drip {
        /// The direction that drips.
        direction: Direction,
        /// How many bytes at a time; at least one.
        bytes: usize,
        /// The pause.
        every: Duration,
    },
}
