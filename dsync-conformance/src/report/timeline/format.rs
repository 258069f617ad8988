//! Words and texts, the same in both forms of a timeline.

use std::fmt::{self, Write};

use dsync::EndCause;

use crate::history::{Outcome, Term};

/// The outcome of a call.
pub(super) fn outcome(outcome: Outcome) -> String {
    let words = match outcome {
        Outcome::Won(token) => return format!("won, token {token}"),
        Outcome::Held => "held by another",
        Outcome::Kept => "kept",
        Outcome::Lost => "lost",
        Outcome::Released => "released",
        Outcome::NotHeld => "not held",
        Outcome::Conflict => "conflict: the record has changed",
        Outcome::Read => "read",
        Outcome::Refused => "error: not applied",
        Outcome::Ambiguous => "error: it may have been applied",
    };
    words.to_owned()
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

/// Why a term ended, where the death of its process counts as well.
pub(super) fn end(term: &Term) -> &'static str {
    if term.killed { "killed" } else { cause(term.cause) }
}

/// A text on one line, without anything that a terminal obeys.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\t' => plain.push(' '),
            // A character that turns the direction of writing can make a line read as another one.
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
