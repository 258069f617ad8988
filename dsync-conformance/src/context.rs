//! What the test of a rule runs in: connections, fresh names, and judgement.

mod case;
mod peer;
mod stalls;

use std::sync::Arc;

use dsync::env::BoxFuture;

pub(crate) use self::case::{Case, Setup, key_of};
pub(crate) use self::peer::{Peer, WonLease, is_free, shown};
pub(crate) use self::stalls::Stalls;
pub(crate) use crate::rules::Outcome;

/// A test of a rule, for any store and either time.
pub(crate) type RuleTest = fn(Arc<Case>) -> BoxFuture<Outcome>;
