//! Errors in the arguments. They are kept apart from failures: they are reported in one line that
//! names the argument, and the exit code is 2.

use std::collections::BTreeSet;
use std::fmt;

/// An error in the arguments. The text names the offending argument and says what would do.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl fmt::Display for UsageError {
    /// One line, whatever the arguments contain.
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

/// The options of a command line, to find those that are given twice.
#[derive(Debug, Default)]
pub(crate) struct Given(BTreeSet<String>);

impl Given {
    /// Takes note of an option that may be given once.
    pub(crate) fn once(&mut self, name: &str) -> Result<(), UsageError> {
        if self.0.insert(name.to_owned()) {
            return Ok(());
        }
        Err(UsageError(format!("--{name} is given twice: give it once")))
    }

    /// The first in the order of names that is not `name`.
    pub(crate) fn other_than(&self, name: &str) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|given| *given != name)
    }
}
