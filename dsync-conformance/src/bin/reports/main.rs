//! Makes one report of the parts that a run wrote, and the documents that follow from the rules
//! and from published reports.

// A program for a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod age;
mod arguments;
mod docs;
mod merge;

use std::process::ExitCode;

use self::arguments::Request;

const HELP: &str = "\
usage: reports merge --driver NAME --into DIR [--date DATE] [--commit COMMIT]
                     [--reproduce COMMAND]... [--kills FILE]... [PART]...
       reports docs [--write] [--root DIR]

  merge            make one report of several parts: NAME.json, NAME.xml and NAME.md; fails
                   if its verdict is `fail` or `invalid`
  --driver NAME    the name of the driver; a part of another name is a form of it
  --into DIR       where the report goes
  --date DATE      when it was run: 2026-11-23T14:02:00Z
  --commit COMMIT  the commit that the working tree has now, with `-dirty` behind it if there
                   are changes: the parts must be of the same one
  --reproduce CMD  the command that makes such a report again
  --kills FILE     results for what is broken on purpose: a list as in a report's `kills`
  PART             a part, as the suite writes it

  docs             compare what is generated with the rules and the published reports, and
                   published reports with their digests
  --write          write what is generated, where it differs
  --root DIR       the root of the repository (default: the current folder)
";

fn main() -> ExitCode {
    let result = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Request::Help) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Ok(Request::Merge(request)) => merge::run(&request),
        Ok(Request::Docs { root, write }) => docs::run(&root, write),
        Err(error) => {
            eprintln!("error: {error}; see `reports --help`");
            return ExitCode::from(2);
        }
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
