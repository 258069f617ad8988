//! Shows a run to people: what happened when, and where a rule was violated.
//!
//! [`text()`] is for a terminal, [`html()`] makes one file that needs nothing else. Both put what was
//! violated first, and both show the same events around it.

// A page is put together once, so its short-lived strings cost nothing that matters.
#![allow(clippy::format_push_string)]

mod events;
mod fault;
mod format;
mod gap;
mod html;
mod incident;
mod model;
mod request;
mod span;
mod store;
mod text;

use self::model::Model;
use crate::check::Violation;
use crate::history::History;

/// A timeline for a terminal, at most 110 columns wide: what was violated, a lane for the store and
/// for each candidate of each key, and the events around the first violation. Without a violation
/// it shows the whole run.
#[must_use]
pub fn text(history: &History, violations: &[Violation]) -> String {
    text::render(&Model::new(history, violations))
}

/// A timeline as one HTML file that loads nothing from anywhere: what was violated, a figure of
/// what happened around it, the events there, and the whole run. `title` names the run, and
/// `replay_command` is shown as the way to see it again.
#[must_use]
pub fn html(
    history: &History,
    violations: &[Violation],
    title: &str,
    replay_command: &str,
) -> String {
    html::render(&Model::new(history, violations), title, replay_command)
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
