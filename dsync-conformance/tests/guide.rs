//! The code in `WRITE-A-DRIVER.md` is the code of the example, which passes the suite.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where a file of the guide's crate is here, and whether the guide shows all of it.
const FILES: &[(&str, &str, bool)] = &[
    ("src/lib.rs", "examples/file_driver/lib.rs", true),
    ("src/folder.rs", "examples/file_driver/folder.rs", true),
    ("src/record.rs", "examples/file_driver/record.rs", true),
    ("src/error.rs", "examples/file_driver/error.rs", true),
    // These begin with where the driver is, which is somewhere else there.
    ("examples/election.rs", "examples/file_driver.rs", false),
    ("tests/conformance.rs", "tests/file_driver.rs", false),
    ("tests/harness.rs", "tests/file_driver_harness.rs", false),
];

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Rust code of the guide by file: its blocks, with an empty line between.
fn files_of(guide: &str) -> BTreeMap<&str, String> {
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let mut above = "";
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if language == "rust" {
                let name = above.strip_prefix('`').and_then(|above| above.strip_suffix("`:"));
                let name = name.unwrap_or_else(|| panic!("a block of no file, below {above:?}"));
                let file = files.entry(name).or_default();
                if !file.is_empty() {
                    file.push('\n');
                }
                file.push_str(&(code.join("\n") + "\n"));
            }
        }
        if !line.is_empty() {
            above = line;
        }
    }
    files
}

#[test]
fn the_guide_shows_the_code_that_passes_the_suite() {
    let guide = text("WRITE-A-DRIVER.md");
    let mut shown = files_of(&guide);
    for (name, path, is_whole) in FILES {
        let shown = shown.remove(name).unwrap_or_else(|| panic!("the guide does not show {name}"));
        let code = text(path);
        let is_same = if *is_whole { code == shown } else { code.ends_with(&shown) };
        assert!(
            is_same,
            "{name} of WRITE-A-DRIVER.md is not {path}; the guide makes this:\n{shown}"
        );
    }
    assert!(shown.is_empty(), "no file is compared with these: {:?}", shown.keys());
}

#[test]
fn the_settings_of_the_guide_are_those_of_this_crate() {
    let (guide, manifest) = (text("WRITE-A-DRIVER.md"), text("../Cargo.toml"));
    let is_version = |package: &str, version: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{package} = ")));
        line.is_some_and(|line| line.contains(&format!("\"{version}")))
    };
    assert!(guide.contains("tokio = { version = \"1.54\"") && is_version("tokio", "1.54"));
    assert!(guide.contains("tempfile = \"3.27\"") && is_version("tempfile", "3.27"));
    assert!(guide.contains("Rust 1.89") && manifest.contains("rust-version = \"1.89\""));
}
