//! Words and figures, the same in both forms of a timeline.

use std::fmt::{self, Write};
use std::time::Duration;

use dsync::EndCause;

use crate::history::{At, Outcome};

/// Seconds with milliseconds.
pub(super) fn seconds(at: At) -> String {
    format!("{:.3} s", at.as_secs_f64())
}

/// A duration as people say it.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 10.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// An interval and its length.
pub(super) fn interval(from: At, to: At) -> String {
    format!("{} to {} ({})", seconds(from), seconds(to), span(to.saturating_sub(from)))
}

/// The outcome of a call.
pub(super) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Won(token) => format!("won, token {token}"),
        Outcome::Held => "held by another".to_owned(),
        Outcome::Kept => "kept".to_owned(),
        Outcome::Lost => "lost".to_owned(),
        Outcome::Released => "released".to_owned(),
        Outcome::NotHeld => "not held".to_owned(),
        Outcome::Conflict => "conflict: the record has changed".to_owned(),
        Outcome::Read => "read".to_owned(),
        Outcome::Refused => "error: not applied".to_owned(),
        Outcome::Ambiguous => "error: it may have been applied".to_owned(),
    }
}

/// Why a term ended.
pub(super) fn cause(cause: Option<EndCause>) -> &'static str {
    match cause {
        Some(EndCause::Stopped) => "stopped by its user",
        Some(EndCause::Resigned) => "resigned",
        Some(EndCause::Panicked) => "a body panicked",
        Some(EndCause::Deadline) => "no renewal by the deadline",
        Some(EndCause::Lost) => "the record was lost",
        Some(_) => "another cause",
        None => "cause not told",
    }
}

/// A text on one line, without anything that a terminal obeys.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\t' => plain.push(' '),
            // What turns the direction of writing would show a line as another one.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                plain.extend(char.escape_unicode());
            }
            char if char.is_control() => plain.extend(char.escape_default()),
            char => plain.push(char),
        }
    }
    plain
}

/// A text within HTML, also within an attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' => f.write_char('\n')?,
                char if char.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}
