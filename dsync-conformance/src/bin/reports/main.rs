//! Makes one report of the parts that a run has left, and the documents that follow from the rules
//! and from published reports.

// A program for a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod docs;
mod merge;

use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;

const HELP: &str = "\
usage: reports merge --driver NAME --into DIR [--date DATE] [--reproduce COMMAND]
                     [--kills FILE]... [PART]...
       reports docs [--write] [--root DIR]

  merge            make one report of several parts: NAME.json, NAME.xml and NAME.md; fails
                   if its verdict is `fail` or `invalid`
  --driver NAME    what the driver is called; a part of another name is a form of it
  --into DIR       where the report goes
  --date DATE      when it was run: 2026-11-23T14:02:00Z
  --reproduce CMD  the command that makes such a report again
  --kills FILE     what came of something broken on purpose: a list as in a report's `kills`
  PART             a part, as the suite writes it

  docs             compare what is generated with the rules and the published reports
  --write          … and write it, where it differs
  --root DIR       the root of the repository (default: the current folder)
";

/// What was asked for.
enum Request {
    Merge(merge::Request),
    Docs { root: PathBuf, write: bool },
}

fn main() -> ExitCode {
    let request = match parse(lexopt::Parser::from_env()) {
        Ok(Some(request)) => request,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("error: {error}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let result = match request {
        Request::Merge(request) => merge::run(&request),
        Request::Docs { root, write } => docs::run(&root, write),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `None`: help was asked for.
fn parse(mut parser: lexopt::Parser) -> Result<Option<Request>, String> {
    let text = |error: lexopt::Error| error.to_string();
    let (mut command, mut merge) = (None, merge::Request::default());
    let (mut root, mut write) = (PathBuf::from("."), false);
    while let Some(argument) = parser.next().map_err(text)? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Value(value) if command.is_none() => command = Some(value.string().map_err(text)?),
            Value(part) => merge.parts.push(part.into()),
            Long("write") => write = true,
            Long("root") => root = parser.value().map_err(text)?.into(),
            Long("driver") => merge.driver = parser.value().and_then(string).map_err(text)?,
            Long("into") => merge.into = parser.value().map_err(text)?.into(),
            Long("date") => merge.date = Some(parser.value().and_then(string).map_err(text)?),
            Long("reproduce") => {
                merge.reproduce.push(parser.value().and_then(string).map_err(text)?);
            }
            Long("kills") => merge.kills.push(parser.value().map_err(text)?.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    match command.as_deref() {
        Some("merge") if merge.driver.is_empty() => Err("merge: --driver is missing".to_owned()),
        Some("merge") if merge.into.as_os_str().is_empty() => {
            Err("merge: --into is missing".to_owned())
        }
        Some("merge") => Ok(Some(Request::Merge(merge))),
        Some("docs") => Ok(Some(Request::Docs { root, write })),
        Some(other) => Err(format!("there is no command {other}")),
        None => Err("merge or docs?".to_owned()),
    }
}

fn string(value: std::ffi::OsString) -> Result<String, lexopt::Error> {
    value.string()
}
