use std::sync::Arc;

use crate::tenure::{Finish, Settled};
use crate::{Error, FencingToken, Term};

/// What the handles of a keeper read. The keeper alone writes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    pub(crate) leader: Option<Arc<str>>,
    pub(crate) term: Option<Term>,
    pub(crate) trouble: Option<Error>,
    /// The last term of which nothing is left, and how its lease ended.
    pub(crate) settled: Option<(FencingToken, Settled)>,
    /// The term whose work did not stop in time.
    pub(crate) overrun: Option<FencingToken>,
    pub(crate) finish: Option<Finish>,
}

impl Status {
    /// Returns the term, if it is active by the clock. The keeper may be late to remove it.
    pub(crate) fn active_term(&self) -> Option<&Term> {
        self.term.as_ref().filter(|term| term.is_active())
    }
}
