#![doc = include_str!("../README.md")]

pub mod check;
mod faulty;
pub mod harness;
pub mod history;
mod link;
mod node;
mod recorder;
pub mod report;
pub mod rules;
pub mod schedule;
mod shrink;
pub mod simulation;
mod tasks;
pub mod verdict;
pub mod violation;
mod world;

pub use self::harness::Harness;
pub use self::history::History;
pub use self::report::Report;
pub use self::rules::{Need, RULES, Rule};
pub use self::schedule::Schedule;
pub use self::shrink::{Shrunk, shrink};
pub use self::verdict::Verdict;
pub use self::violation::Violation;
