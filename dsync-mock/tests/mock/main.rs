//! The mock keeps the driver contract, and its controls do what they say.

#![expect(
    clippy::expect_used,
    clippy::unchecked_time_subtraction,
    reason = "a test fails by panicking, helpers and constants included"
)]

mod contract;
mod forced;
mod help;
mod log;
mod network;
mod record_loss;
mod underway;
mod watch;
