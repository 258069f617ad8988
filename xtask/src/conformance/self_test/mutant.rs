//! A mutant: a crate with one mistake, which a test must find.

use std::fmt;

/// A crate with one mistake.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// Its name, as in the corpus and in reports.
    pub(crate) name: &'static str,
    /// The test that must fail on it, and how.
    pub(crate) killer: Killer,
    /// Where the field has seen the mistake; empty: nowhere by name.
    pub(crate) seen: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// A file below the crate's `src`, a text in it, and that text with the mistake where `MUTANT` is
/// true.
#[derive(Debug)]
pub(crate) struct Edit(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

/// The one failure that kills a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Killer {
    /// The suite finds that this rule is violated.
    Rule {
        id: &'static str,
        /// Part of the message, after the id of the rule.
        says: &'static str,
    },
    /// A test of the driver's own fails by an assertion of its own.
    Test {
        name: &'static str,
        /// Where the assertion is, in the folder of the driver.
        file: &'static str,
        /// How the message of the assertion begins.
        says: &'static str,
    },
}

pub(crate) const fn rule(id: &'static str, says: &'static str) -> Killer {
    Killer::Rule { id, says }
}

pub(crate) const fn test(name: &'static str, file: &'static str, says: &'static str) -> Killer {
    Killer::Test { name, file, says }
}

/// A failed test: what it said, and the place in the source where it panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// `None`: the test returned its failure.
    pub(crate) at: Option<String>,
}

impl Killer {
    /// The id of the rule, or the name of the test.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rule { id, .. } => id,
            Self::Test { name, .. } => name,
        }
    }

    /// Whether `test`, as its program calls it, is the one that must fail.
    pub(crate) fn is(&self, test: &str) -> bool {
        match self {
            // `required::2_02_cancelled_before_re_elected`
            Self::Rule { id, .. } => {
                let last = test.rsplit("::").next().unwrap_or(test);
                let rest = last.strip_prefix(&id.replace('.', "_"));
                rest.is_some_and(|rest| rest.starts_with('_'))
            }
            Self::Test { name, .. } => test == *name,
        }
    }

    /// Whether the test has failed as it must: by its own judgement, and for the expected reason.
    ///
    /// Other failures are no proof: a server that does not start, a connection that cannot be made
    /// and a panic of a helper fail the test of any crate, and may contain any word.
    pub(crate) fn expects(&self, failure: &Failure) -> bool {
        let Failure { message, at } = failure;
        match self {
            Self::Rule { id, says } => {
                let verdict = message.strip_prefix(id).and_then(|rest| rest.strip_prefix(": "));
                at.is_none() && verdict.is_some_and(|verdict| verdict.contains(says))
            }
            Self::Test { file, says, .. } => {
                // `mutated/dsync-redis/tests/server/tokens.rs:40:9`
                let place = at.as_deref().and_then(|at| at.split(':').next());
                let is_there = place.is_some_and(|place| place.ends_with(file));
                is_there && message.starts_with(says)
            }
        }
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, at: None }
    }
}

impl fmt::Display for Failure {
    /// The message, and where it comes from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { message, at } = self;
        match at {
            Some(at) => write!(f, "{message} (at {at})"),
            None => f.write_str(message),
        }
    }
}
