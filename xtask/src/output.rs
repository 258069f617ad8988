//! Output for people.

use std::io::Write as _;

/// Writes to stdout. Unlike `print!`, it does not panic if the reader has closed the
/// pipe, as `head` does.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
