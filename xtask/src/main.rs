//! The development tasks of the workspace: `cargo xtask help`.

// This is a development tool, not a part of the product: it prints to the terminal, and
// it waits for other processes, which needs a real clock and real sleeps.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod bench;
mod built;
mod cargo;
mod cluster;
mod conformance;
mod duration;
mod images;
mod output;
mod protoc;
#[cfg(test)]
mod scratch;
mod setup;
mod shell;
mod structure;
mod test;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use usage::UsageError;

/// A task. To add one, write its module and add a line to [`COMMANDS`].
struct Command {
    name: &'static str,
    /// One line for the list of all commands.
    about: &'static str,
    /// The text of `cargo xtask NAME --help`.
    help: &'static str,
    /// Runs the task with the arguments after the name.
    run: fn(lexopt::Parser) -> Result<ExitCode>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        about: "install missing programs, build, and run all tests",
        help: test::HELP,
        run: test::run,
    },
    Command {
        name: "ci",
        about: "run the tests and all other checks, as CI does",
        help: test::CI_HELP,
        run: test::run_all,
    },
    Command {
        name: "conformance",
        about: "test drivers against every rule, and write reports",
        help: conformance::HELP,
        run: conformance::run,
    },
    Command {
        name: "cluster",
        about: "run a real Kubernetes API server on this machine: up, status, down",
        help: cluster::HELP,
        run: cluster::run,
    },
    Command {
        name: "bench",
        about: "compare dsync with raw requests to the same server",
        help: bench::HELP,
        run: bench::run,
    },
    Command {
        name: "images",
        about: "build server images for the tests from local programs",
        help: images::HELP,
        run: images::run,
    },
    Command {
        name: "env",
        about: "print the variables that plain Cargo needs to build dsync-etcd",
        help: protoc::HELP,
        run: protoc::run,
    },
    Command {
        name: "structure",
        about: "print figures on the structure of the crates",
        help: structure::HELP,
        run: structure::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(name) = arguments.next() else {
        return misused(&format!("no command is given: use {}", names()), None);
    };
    let rest: Vec<OsString> = arguments.collect();
    let wants_help = rest.iter().any(|arg| arg == "--help" || arg == "-h");
    let command = COMMANDS.iter().find(|command| name == command.name);
    match command {
        None if ["help", "--help", "-h"].iter().any(|help| name == *help) => {
            output::say(&overview());
            ExitCode::SUCCESS
        }
        None => {
            let name = name.to_string_lossy();
            misused(&format!("no such command {name:?}: use {}", names()), None)
        }
        Some(command) if wants_help => {
            output::say(command.help);
            ExitCode::SUCCESS
        }
        Some(command) => run(command, rest),
    }
}

fn run(command: &Command, arguments: Vec<OsString>) -> ExitCode {
    let error = match (command.run)(lexopt::Parser::from_args(arguments)) {
        Ok(code) => return code,
        Err(error) => error,
    };
    if let Some(misuse) = error.downcast_ref::<UsageError>() {
        return misused(&misuse.to_string(), Some(command));
    }
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

fn overview() -> String {
    let mut text = "usage: cargo xtask COMMAND [ARGUMENTS]\n\n".to_owned();
    for Command { name, about, .. } in COMMANDS {
        text.extend(["  ", &format!("{name:<13}"), about, "\n"]);
    }
    text.push_str("\n`cargo xtask COMMAND --help` prints the options of a command.\n");
    text
}

/// Returns the names of all commands, for an error: `test, conformance or env`.
fn names() -> String {
    let mut names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let last = names.pop().unwrap_or_default();
    format!("{} or {last}", names.join(", "))
}

/// Reports an error in the arguments in one line, with the command that prints help.
fn misused(what: &str, command: Option<&Command>) -> ExitCode {
    let help = command.map_or("help".to_owned(), |command| format!("{} --help", command.name));
    eprintln!("error: {what}; see `cargo xtask {help}`");
    ExitCode::from(2)
}
