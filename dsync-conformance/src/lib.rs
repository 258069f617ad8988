#![doc = include_str!("../README.md")]

pub mod candidate;
pub mod check;
mod contract;
mod faulty;
pub mod harness;
pub mod history;
mod link;
mod mock;
pub mod mutants;
mod node;
pub mod processes;
pub mod proxy;
mod recorder;
pub mod report;
pub mod rules;
mod scenarios;
pub mod schedule;
mod shrink;
pub mod simulation;
mod storm;
pub mod suite;
mod tasks;
pub mod timeline;
pub mod verdict;
pub mod violation;
mod world;

pub use self::harness::Harness;
pub use self::history::History;
pub use self::mock::MockHarness;
pub use self::report::Report;
pub use self::rules::{Need, RULES, Rule};
pub use self::schedule::Schedule;
pub use self::shrink::{Shrunk, shrink};
pub use self::suite::{Suite, suite, suite_of};
pub use self::verdict::Verdict;
pub use self::violation::Violation;
