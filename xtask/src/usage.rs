//! Errors in the arguments. Unlike other failures, they are reported in a single line that names
//! the argument, and the exit code is 2.

use std::collections::BTreeSet;
use std::fmt;

/// An error in the arguments. The text names the offending argument and the accepted values.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    /// Always a single line, even if the arguments contain line breaks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.replace(['\n', '\r'], " "))
    }
}

impl std::error::Error for UsageError {}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

/// The options seen on a command line, used to detect duplicates.
#[derive(Debug, Default)]
pub(crate) struct Given(BTreeSet<String>);

impl Given {
    /// Records an option that may be given once.
    pub(crate) fn once(&mut self, name: &str) -> Result<(), UsageError> {
        if self.0.insert(name.to_owned()) {
            return Ok(());
        }
        Err(UsageError(format!("--{name} is given twice: give it once")))
    }

    /// Returns the alphabetically first option other than `name`.
    pub(crate) fn other_than(&self, name: &str) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|given| *given != name)
    }
}
