//! What the test of a rule runs in: connections, fresh names, and judgement.

pub(crate) mod case;
pub(crate) mod peer;
mod stalls;

use std::sync::Arc;
use std::time::Duration;

use dsync::env::BoxFuture;

use self::case::{Case, Outcome};
pub(crate) use self::stalls::Stalls;

/// A test of a rule, for any store and either time.
pub(crate) type RuleTest = fn(Arc<Case>) -> BoxFuture<Outcome>;

/// How the tests of a suite are set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Whether they run in virtual time.
    pub(crate) in_memory: bool,
    /// The lease duration that was asked for.
    pub(crate) lease: Option<Duration>,
    /// The namespace of all names, and another.
    pub(crate) namespaces: [String; 2],
}
