//! Cores that are broken on purpose, one mistake each, to see that the suite finds it.
//!
//! A mistake is an edit of the core's source: the text as it is, and the text with the mistake,
//! where `MUTANT` is true in the broken core alone. All edits go into one copy of the workspace,
//! so that one build has them all; an environment variable chooses.

mod build;
mod hunt;
mod mutants;

pub(super) use self::build::build;
pub(super) use self::hunt::{hunt, replay};
pub(super) use self::mutants::MUTANTS;
