//! A node of a run: a machine with a clock of its own, and the process that runs on it.

mod machine;
mod process;
mod timer;

pub(crate) use self::machine::Machine;
pub(crate) use self::process::{Held, Process};
