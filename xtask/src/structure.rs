//! Figures on the structure of the crates: rooms, imports, circles, words and comments.
//!
//! A *room* is a top-level module of a crate. A *circle* is a set of rooms, or of files, of which
//! each imports from each other one, directly or through others. Test code does not count.

mod graph;
mod prose;
mod source;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use self::graph::Graph;
use self::prose::Prose;
use crate::output::say;
use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: cargo xtask structure [CRATE ...] [--root DIR] [--check]

Prints a line of figures for each crate of the workspace. For the crates named on the command line,
also prints the details. Test code does not count as a room or an import.

  --root DIR  examine another checkout of the workspace
  --check     fail if rooms import from each other in a circle; in crates that are free of
              circles between files too, also if files do
";

/// Crates whose files may not form a circle either, and where one is allowed nevertheless.
const FREE_OF_CIRCLES: &[(&str, &[&str])] = &[
    // A machine, its processes and their timers are one idea in three files.
    ("dsync-conformance", &["sim/node/", "report"]),
];

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::prelude::*;

    let (mut names, mut root, mut check) = (Vec::new(), PathBuf::from("."), false);
    while let Some(argument) = arguments.next().map_err(UsageError::from)? {
        match argument {
            Long("root") => root = arguments.value().map_err(UsageError::from)?.into(),
            Long("check") => check = true,
            Value(name) => names.push(name.to_string_lossy().into_owned()),
            other => return Err(UsageError(other.unexpected().to_string()).into()),
        }
    }
    if check {
        let problems = problems(&root)?;
        for problem in &problems {
            say(&format!("{problem}\n"));
        }
        return Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let crates = crates(&root)?;
    if let Some(unknown) = names.iter().find(|name| !crates.iter().any(|(of, _)| of == *name)) {
        return Err(UsageError(format!("no crate {unknown} in {}", root.display())).into());
    }
    let mut text = format!(
        "{:<18}{:>6}{:>8}{:>9}{:>9}{:>7}{:>7}{:>7}{:>10}\n",
        "", "rooms", "imports", "circles", "(files)", "short", "tests", "words", "comments"
    );
    for (name, folder) in &crates {
        if names.is_empty() || names.contains(name) {
            text += &figures(name, folder, !names.is_empty())?;
        }
    }
    text += "\n\
        rooms: top-level modules; imports: pairs of rooms; circles: of rooms, and (of files)\n\
        short: files below 25 lines; tests: folders that hold tests.rs alone\n\
        words: foreign to technical English; comments: lines of comment per line of code\n";
    say(&text);
    Ok(ExitCode::SUCCESS)
}

/// Every circle that is not allowed, one line each.
pub(crate) fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (name, folder) in crates(root)? {
        let graph = Graph::new(&source::load(&folder)?);
        for circle in graph::circles(&graph.rooms()) {
            problems.push(format!("{name}: a circle of rooms: {}", circle.join(", ")));
        }
        let Some((_, allowed)) = FREE_OF_CIRCLES.iter().find(|(of, _)| *of == name) else {
            continue;
        };
        for circle in graph::circles(graph.files()) {
            let is_within = |place: &&str| circle.iter().all(|file| file.starts_with(*place));
            if !allowed.iter().any(is_within) {
                problems.push(format!("{name}: a circle of files: {}", circle.join(", ")));
            }
        }
    }
    Ok(problems)
}

/// The crates of a workspace and their folders, in the order of their names.
fn crates(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for parent in [root.to_owned(), root.join("examples")] {
        let Ok(entries) = fs::read_dir(&parent) else { continue };
        for entry in entries {
            let folder = entry?.path();
            if source::root_of(&folder).is_some() {
                let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                found.push((name, folder));
            }
        }
    }
    if found.is_empty() {
        bail!(
            "{} has no folders with a crate; run it at the root of the workspace",
            root.display()
        );
    }
    found.sort();
    Ok(found)
}

/// The line of a crate, and what is behind it if `all` is wanted.
fn figures(name: &str, folder: &Path, all: bool) -> Result<String> {
    let modules = source::load(folder)?;
    let graph = Graph::new(&modules);
    let rooms = graph.rooms();
    let imports: usize = rooms.values().map(BTreeSet::len).sum();
    let (of_rooms, of_files) = (graph::circles(&rooms), graph::circles(graph.files()));
    let prose = Prose::of(folder).with_context(|| format!("failed to read {name}"))?;
    let mut text = format!(
        "{name:<18}{:>6}{imports:>8}{:>9}{:>9}{:>7}{:>7}{:>7}{:>10.2}\n",
        rooms.len(),
        of_rooms.len(),
        of_files.len(),
        prose.short.len(),
        prose.only_tests.len(),
        prose.words.values().sum::<usize>(),
        prose.comments(),
    );
    if !all {
        return Ok(text);
    }
    for (room, to) in &rooms {
        let to: Vec<_> = to.iter().map(String::as_str).collect();
        writeln!(text, "  {room} -> {}", to.join(" "))?;
    }
    for (what, circles) in [("rooms", &of_rooms), ("files", &of_files)] {
        for circle in circles {
            writeln!(text, "  circle of {what}: {}", circle.join(" "))?;
        }
    }
    for (what, files) in [("short", &prose.short), ("only tests", &prose.only_tests)] {
        for file in files {
            writeln!(text, "  {what}: {file}")?;
        }
    }
    for (word, count) in &prose.words {
        writeln!(text, "  word: {word} {count}")?;
    }
    for (file, (comments, code)) in &prose.lines {
        writeln!(text, "  comments: {comments} for {code} lines of {file}")?;
    }
    Ok(text)
}
