//! The digest by which a report shows that it is as its run wrote it.
//!
//! The digest is SHA-256 over the exact text of the report without the one line that holds the
//! digest, which is the third. So it needs no program of dsync's to compare:
//! `grep -v '^  "digest": ' kube.json | sha256sum`.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Where the digest goes: behind `{` and the schema.
const LINES_BEFORE: usize = 2;

/// The SHA-256 of `content`, in hexadecimal digits.
#[must_use]
pub fn digest(content: &str) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `content`, a report without a digest, with its digest.
pub(super) fn seal(content: &str) -> String {
    let line = format!("  \"digest\": \"{}\",\n", digest(content));
    let mut lines = content.split_inclusive('\n');
    let before: String = lines.by_ref().take(LINES_BEFORE).collect();
    before + &line + &lines.collect::<String>()
}
