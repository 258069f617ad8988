//! The program that makes reports names what is wrong with its command line, in one line.
#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::process::{Command, Output};

fn reports(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reports")).args(arguments).output().expect("it runs")
}

#[test]
fn what_makes_no_sense_is_named_in_one_line() {
    for (arguments, named) in [
        (&[][..], "no command is given: use merge or docs"),
        (&["publish"], "no such command \"publish\": use merge or docs"),
        (&["merge"], "merge needs --driver NAME"),
        (&["merge", "--driver", "", "--into", "a"], "merge needs --driver NAME"),
        (&["merge", "--driver", "mock"], "merge needs --into DIR"),
        (&["merge", "--driver"], "--driver"),
        (&["merge", "--driver", "a", "--driver", "b"], "--driver is given twice: give it once"),
        (&["merge", "--driver", "a", "--into", "b", "--write"], "--write does not go with merge"),
        (&["docs", "--into", "a"], "--into does not go with docs"),
        (&["docs", "a.json"], "docs takes no file, but got a.json"),
        (&["docs", "--write=yes"], "--write"),
        (&["docs", "--fast"], "--fast"),
    ] {
        let output = reports(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("error: ") && said.contains(named), "{arguments:?}: {said}");
        assert!(said.trim_end().ends_with("; see `reports --help`"), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_is_no_error() {
    let output = reports(&["docs", "--help"]);
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("usage: reports merge "));
}
