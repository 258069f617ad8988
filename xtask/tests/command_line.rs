//! Every command reports an error in its arguments in one line, and exits with 2.
#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("it runs")
}

#[test]
fn a_wrong_argument_is_one_line_that_says_what_would_do() {
    let nothing: &[&str] = &[];
    for (arguments, expected) in [
        (nothing, "no command is given: use test, ci, conformance, "),
        (&["tets"], "no such command \"tets\": use test, ci, conformance, "),
        (&["two\nlines"], "no such command \"two\\nlines\": use test, "),
        (
            &["conformance", "--driver", "redis", "--cluster", "local"],
            "--cluster local has no effect on the driver redis: use it with --driver kube or all; \
             see `cargo xtask conformance --help`",
        ),
        (
            &["conformance", "--driver", "two\nlines"],
            "--driver two lines: no such driver: use mock,",
        ),
        (&["conformance", "--seed"], "missing argument for option '--seed'; see "),
        (&["conformance", "--self-test=yes"], "unexpected argument for option '--self-test'"),
        (&["test", "--only", "lint"], "--only lint: no such stage"),
        (&["test", "--require", "some"], "--require some: "),
        (&["test", "fmt"], "unexpected argument \"fmt\"; see `cargo xtask test --help`"),
        (
            &["cluster"],
            "no action is given: use up, status or down; see `cargo xtask cluster --help`",
        ),
        (&["cluster", "sideways"], "no such action \"sideways\": use up, status or down"),
        (&["cluster", "up", "--for", "soon"], "--for soon: not a time: use one such as 90s, "),
        (&["cluster", "up", "--for", "1h", "--for", "2h"], "--for is given twice: give it once"),
        (&["cluster", "down", "--for", "1h"], "--for goes with up alone: leave it out"),
        (&["bench", "kube"], "no such backend \"kube\": use redis or etcd; see `cargo xtask bench"),
        (&["bench", "--rounds", "0"], "--rounds 0: not a number from 1 to "),
        (&["bench", "--rounds", "1", "--rounds", "2"], "--rounds is given twice: give it once"),
        (&["images", "redis"], "unexpected argument \"redis\"; see `cargo xtask images --help`"),
        (&["env", "--shell", "fish"], "invalid option '--shell'; see `cargo xtask env --help`"),
    ] {
        let output = xtask(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
        let line = error.strip_prefix("error: ").unwrap_or_default();
        assert!(line.starts_with(expected), "{arguments:?}: {error}");
        assert!(line.contains("; see `cargo xtask "), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_is_no_error() {
    for arguments in [&["help"][..], &["--help"], &["conformance", "--driver", "x", "--help"]] {
        let output = xtask(arguments);
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}");
        assert!(output.stdout.starts_with(b"usage: cargo xtask "), "{arguments:?}");
    }
}
