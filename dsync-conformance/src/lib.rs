#![doc = include_str!("../README.md")]

pub mod harness;
pub mod history;
pub mod rules;
pub mod verdict;

pub use self::harness::Harness;
pub use self::history::History;
pub use self::rules::{RULES, Rule};
pub use self::verdict::Verdict;
