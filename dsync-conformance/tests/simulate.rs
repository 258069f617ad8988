//! The program that simulates: the same seed gives the same run in every process, and it names
//! every argument that makes no sense.
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
fn what_makes_no_sense_is_named_in_one_line() {
    for (arguments, named) in [
        (&["--seed", "many"][..], "--seed many: not a number from 0"),
        (&["--seed", "-1"], "--seed -1: not a number from 0"),
        (&["--for", "10m"], "--for 10m: not a number of seconds from 1"),
        (&["--for", "0"], "--for 0: not a number of seconds from 1"),
        (&["--hunt", "2.02", "--seeds", "0"], "--seeds 0: not a number from 1"),
        (&["--traces", "0"], "--traces 0: not a number from 1"),
        (&["--rules", "2.02,9.99"], "--rules 2.02,9.99: \"9.99\" is not checked here: use 2.01, "),
        (&["--hunt", "9.99"], "--hunt 9.99: \"9.99\" is not checked here: use 2.01, "),
        (&["--hunt", "2.01,2.02"], "--hunt 2.01,2.02: more than one rule"),
        (&["--store", "disk"], "--store disk: no such store: use backend, "),
        (&["--seed", "1", "--seed", "2"], "--seed is given twice: give it once"),
        (&["--events"], "--events needs --replay"),
        (&["--says", "term"], "--says needs --hunt"),
        (&["--replay", "a.json", "--seed", "1"], "--seed does not go with --replay"),
        (&["--traces", "1", "--hunt", "2.02"], "--hunt does not go with --traces"),
        (&["--replay", "/nowhere.json"], "/nowhere.json"),
        (&["--corpus", "/nowhere"], "--corpus /nowhere"),
        (&["--seed"], "--seed"),
        (&["--fast"], "--fast"),
        (&["mock"], "\"mock\""),
    ] {
        let output = simulate(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.starts_with("error: ") && said.contains(named), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
