//! The command line of `reports`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::merge;

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Request {
    Help,
    Merge(merge::Request),
    Docs { root: PathBuf, write: bool },
}

/// The options of each command.
const MERGE: &[&str] = &["driver", "into", "date", "commit", "reproduce", "kills"];
const DOCS: &[&str] = &["write", "root"];
/// The options that may be given several times.
const REPEATED: &[&str] = &["reproduce", "kills"];

pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Request, String> {
    let text = |error: lexopt::Error| error.to_string();
    let (mut command, mut merge) = (None, merge::Request::default());
    let (mut root, mut write) = (PathBuf::from("."), false);
    let mut given = BTreeSet::new();
    while let Some(argument) = parser.next().map_err(text)? {
        if let Long(name) = argument
            && !given.insert(name.to_owned())
            && !REPEATED.contains(&name)
        {
            return Err(format!("--{name} is given twice: give it once"));
        }
        match argument {
            Short('h') | Long("help") => return Ok(Request::Help),
            Value(value) if command.is_none() => command = Some(value.string().map_err(text)?),
            Value(part) => merge.parts.push(part.into()),
            Long("write") => write = true,
            Long("root") => root = parser.value().map_err(text)?.into(),
            Long("driver") => merge.driver = string(&mut parser)?,
            Long("into") => merge.into = parser.value().map_err(text)?.into(),
            Long("date") => merge.date = Some(string(&mut parser)?),
            Long("commit") => merge.commit = Some(string(&mut parser)?),
            Long("reproduce") => merge.reproduce.push(string(&mut parser)?),
            Long("kills") => merge.kills.push(parser.value().map_err(text)?.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let (name, options, request) = match command.as_deref() {
        Some("merge") => ("merge", MERGE, Request::Merge(merge)),
        Some("docs") => match merge.parts.first() {
            Some(part) => return Err(format!("docs takes no file, but got {}", part.display())),
            None => ("docs", DOCS, Request::Docs { root, write }),
        },
        Some(other) => return Err(format!("no such command {other:?}: use merge or docs")),
        None => return Err("no command is given: use merge or docs".to_owned()),
    };
    if let Some(other) = given.iter().find(|option| !options.contains(&option.as_str())) {
        return Err(format!("--{other} does not go with {name}: leave it out"));
    }
    if let Request::Merge(merge) = &request {
        let missing =
            |option: &str| Err(format!("merge needs {option}, which is missing or empty"));
        if merge.driver.is_empty() {
            return missing("--driver NAME");
        }
        if merge.into.as_os_str().is_empty() {
            return missing("--into DIR");
        }
    }
    Ok(request)
}

fn string(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(ValueExt::string).map_err(|error| error.to_string())
}
