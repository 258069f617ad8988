#![doc = include_str!("../README.md")]

// For authors of drivers.
pub mod harness;
pub mod proxy;
mod suite;

// For the programs and the tests of this package, which are built as crates of their own. These
// modules promise nothing to anyone else.
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod history;
#[doc(hidden)]
pub mod mutants;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod rules;
#[doc(hidden)]
pub mod sim;

mod context;
mod rule_tests;
mod tasks;

pub use self::harness::{Harness, MockHarness};
pub use self::process::candidate;
#[doc(hidden)]
pub use self::report::Report;
pub use self::rules::{Need, RULES, Rule, Verdict};
pub use self::suite::{
    LENGTH_VARIABLE, OUTCOMES_VARIABLE, REPORT_VARIABLE, REQUIRE_VARIABLE, SEED_VARIABLE, Suite,
    WORLDS_VARIABLE, run_if_available, suite, suite_of,
};
