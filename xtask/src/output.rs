//! Output for people.

use std::io::Write as _;

/// Writes to stdout. Unlike `print!`, it doesn't mind a reader that has seen
/// enough, such as `head`.
pub(crate) fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
