//! The commit that a run tested.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ReportError;

/// The environment variable that names the commit of the code under test: its full hash, followed
/// by `-dirty` if files of the working tree differ from it. Unset or empty: the report names none.
pub const COMMIT_VARIABLE: &str = "DSYNC_CONFORMANCE_COMMIT";

const DIRTY: &str = "-dirty";

/// The code that was tested: core, driver and suite.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The full hash of the commit; `None`: none was recorded.
    pub commit: Option<String>,
    /// Whether the working tree had no changes beside the commit; `None`: that was not recorded.
    pub clean: Option<bool>,
}

impl Source {
    /// Reads a full hash, with or without `-dirty` behind it.
    ///
    /// # Errors
    ///
    /// If `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        let (commit, clean) = match text.strip_suffix(DIRTY) {
            Some(commit) => (commit, false),
            None => (text, true),
        };
        let is_hex = commit.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        // SHA-1 or SHA-256.
        if !is_hex || !matches!(commit.len(), 40 | 64) {
            return Err(ReportError(format!(
                "{text:?} is no commit: give the full hash, as `git rev-parse HEAD` prints it, \
                 with `{DIRTY}` behind it if the working tree has changes"
            )));
        }
        Ok(Self { commit: Some(commit.to_owned()), clean: Some(clean) })
    }

    /// The code that [`COMMIT_VARIABLE`] names.
    ///
    /// # Errors
    ///
    /// If the variable is set to something that is no commit.
    pub fn from_environment() -> Result<Self, ReportError> {
        match std::env::var(COMMIT_VARIABLE) {
            Ok(text) if !text.is_empty() => Self::parse(&text)
                .map_err(|error| ReportError(format!("{COMMIT_VARIABLE}: {error}"))),
            _ => Ok(Self::default()),
        }
    }

    /// The first digits of the hash: enough to tell commits apart, and to look one up.
    #[must_use]
    pub fn short(&self) -> Option<&str> {
        self.commit.as_deref().and_then(|commit| commit.get(..12))
    }

    /// Adds what else is known of the code of the same run. Its working tree was clean only if it
    /// was clean each time.
    ///
    /// # Errors
    ///
    /// If the other is of another commit.
    pub fn add(&mut self, other: &Self) -> Result<(), ReportError> {
        if self.commit != other.commit {
            let shown = |source: &Self| source.commit.clone().unwrap_or("none recorded".to_owned());
            return Err(ReportError(format!(
                "the parts are of two commits, {} and {}: run all of them again at one commit",
                shown(self),
                shown(other)
            )));
        }
        self.clean = match (self.clean, other.clean) {
            (Some(a), Some(b)) => Some(a && b),
            _ => None,
        };
        Ok(())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(commit) = &self.commit else { return f.write_str("not recorded") };
        f.write_str(commit)?;
        f.write_str(match self.clean {
            Some(true) => "",
            Some(false) => ", with uncommitted changes",
            None => ", perhaps with uncommitted changes",
        })
    }
}
