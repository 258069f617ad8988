//! Rules of this repository that the compiler does not check.

mod links;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::metadata::Metadata;

/// The maximum length of a file; a longer one contains more than one idea. Tests may be longer.
const MOST_LINES: usize = 500;

/// Each published crate, and the crates of the workspace that it may depend on.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("dsync", &[]),
    ("dsync-mock", &["dsync"]),
    ("dsync-kube", &["dsync"]),
    ("dsync-redis", &["dsync"]),
    ("dsync-etcd", &["dsync"]),
    ("dsync-conformance", &["dsync", "dsync-mock"]),
];

/// Markers of unfinished work. They are written in pieces because this file is checked as well.
const MARKS: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("FIX", "ME"),
];

/// Returns all violations, one line each.
pub(super) fn problems(root: &Path, metadata: &Metadata) -> Result<Vec<String>> {
    let mut problems = wrong_directions(metadata);
    for path in files(root)? {
        let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let read = || fs::read_to_string(&path).with_context(|| format!("failed to read {shown}"));
        let found = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => in_code(&read()?, is_test(&path)),
            Some("md") => links::broken(root, &path, &read()?),
            _ => Vec::new(),
        };
        problems.extend(found.into_iter().map(|problem| format!("{shown}{problem}")));
    }
    Ok(problems)
}

/// Returns all files in a fixed order, except hidden files and build output.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("failed to list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden && !path.join("CACHEDIR.TAG").exists() {
                folders.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

fn in_code(text: &str, is_test: bool) -> Vec<String> {
    let mut problems = Vec::new();
    let count = text.lines().count();
    if count > MOST_LINES && !is_test {
        problems.push(format!(": {count} lines, at most {MOST_LINES} are allowed: split the file"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        for mark in MARKS.iter().filter(|mark| line.contains(**mark)) {
            problems.push(format!(":{number}: `{mark}` is still there"));
        }
    }
    problems
}

fn wrong_directions(metadata: &Metadata) -> Vec<String> {
    let mut problems = Vec::new();
    let is_member = |name: &str| metadata.members().any(|member| member.name == name);
    for package in metadata.published() {
        let name = &package.name;
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(of, _)| of == name) else {
            problems.push(format!(
                "{name}: add the crates that it may depend on to xtask/src/test/tidy.rs"
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| d.ships() && is_member(&d.name)) {
            if !allowed.contains(&dependency.name.as_str()) {
                problems.push(format!("{name} must not depend on {}", dependency.name));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found_unless_it_is_a_test() {
        let long = "//\n".repeat(MOST_LINES + 1);
        assert_eq!(in_code(&long, false).len(), 1);
        assert!(in_code(&long, true).is_empty());
        assert!(in_code(&long[3..], false).is_empty());
        for test in ["dsync/tests/common/mod.rs", "dsync/src/tenure/tests.rs"] {
            assert!(is_test(Path::new(test)), "{test}");
        }
        assert!(!is_test(Path::new("dsync/src/tenure.rs")));
    }

    #[test]
    fn what_is_left_behind_is_found() {
        for mark in MARKS {
            let problems = in_code(&format!("fn f() {{\n    {mark}\n}}\n"), true);
            assert_eq!(problems, [format!(":2: `{mark}` is still there")]);
        }
    }

    #[test]
    fn a_dependency_in_the_wrong_direction_is_found() {
        let metadata = r#"{ "workspace_members": ["a", "b", "c"], "packages": [
            { "id": "a", "name": "dsync", "version": "0.1.0", "dependencies": [
                { "name": "dsync-mock", "kind": "dev" }, { "name": "dsync-mock", "kind": "build" }] },
            { "id": "b", "name": "dsync-mock", "version": "0.1.0", "dependencies": [
                { "name": "dsync", "kind": null }, { "name": "tokio", "kind": null }] },
            { "id": "c", "name": "dsync-new", "version": "0.1.0", "dependencies": [] },
            { "id": "d", "name": "tokio", "version": "1.0.0", "dependencies": [] }]}"#;
        let metadata: Metadata = serde_json::from_str(metadata).unwrap();
        assert_eq!(
            wrong_directions(&metadata),
            [
                "dsync must not depend on dsync-mock",
                "dsync-new: add the crates that it may depend on to xtask/src/test/tidy.rs"
            ]
        );
    }
}
