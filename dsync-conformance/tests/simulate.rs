//! The program that simulates: the same seed gives the same run in every process, and what it is
//! told wrongly it says by name.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_simulate")).args(arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn two_processes_give_equal_traces_for_two_hundred_seeds() {
    let traces = || {
        let output = simulate(&["--traces", "200", "--seed", "7"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let (first, second) = (traces(), traces());
    assert_eq!(first.lines().count(), 200);
    for (one, other) in first.lines().zip(second.lines()) {
        assert_eq!(one, other);
    }
    let other_seed = text(&simulate(&["--traces", "3", "--seed", "8"]).stdout);
    assert!(!first.starts_with(&other_seed), "another seed is another run");
}

#[test]
fn every_schedule_of_the_corpus_passes() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus");
    let output = simulate(&["--corpus", corpus, "--schedules", "0"]);
    let said = text(&output.stdout);
    assert!(said.contains("all pass"), "{said}");
}

#[test]
fn a_run_that_is_too_short_is_invalid() {
    let output = simulate(&["--schedules", "3"]);
    assert!(!output.status.success());
    assert!(text(&output.stdout).contains("INVALID: schedules: 3, at least 500 are needed"));
}

#[test]
fn what_makes_no_sense_is_named() {
    for (arguments, named) in [
        (&["--seed", "many"][..], "--seed many: not a number"),
        (&["--rules", "9.99"], "9.99 is not checked here"),
        (&["--store", "disk"], "--store disk"),
        (&["--replay", "/nowhere.json"], "/nowhere.json"),
        (&["--corpus", "/nowhere"], "--corpus /nowhere"),
        (&["--fast", "1"], "--fast"),
    ] {
        let output = simulate(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
}
