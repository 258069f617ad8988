//! Terms and instants, as the messages of violations name them.

use std::time::Duration;

use crate::history::{History, Term};

/// The name of a term, for messages.
pub(super) fn named(history: &History, term: &Term) -> String {
    let node = history.nodes.get(term.node).map_or("?", |node| &node.name);
    let key = history.keys.get(term.key).map_or("?", |key| &key.name);
    format!("the term of {node} (token {}, {key})", term.token)
}

/// An instant, for messages.
pub(super) fn at(instant: Duration) -> String {
    format!("{:.3} s", instant.as_secs_f64())
}
