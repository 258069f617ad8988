//! One copy of the workspace with every mistake of a crate in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::mutant::{Edit, Mutant};
use crate::test::cargo;

/// A crate of the workspace that is broken on purpose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken {
    /// The crates that the copy consists of.
    pub(crate) crates: &'static [&'static str],
    /// The one of them that has the mistakes.
    pub(crate) package: &'static str,
    pub(crate) mutants: &'static [Mutant],
    /// The file below xtask's `self_test` that lists them.
    pub(crate) list: &'static str,
}

/// What the broken crate gets as well: the choice.
const SWITCH: &str = r#"
/// Whether this mistake was chosen.
pub(crate) fn is(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("DSYNC_MUTANT").ok()).as_deref() == Some(name)
}
"#;

impl Broken {
    /// Copies the workspace at `root` into `workspace`, with all mistakes, none of which is chosen.
    pub(crate) fn copy(&self, root: &Path, workspace: &Path) -> Result<()> {
        for name in self.crates {
            copy(&root.join(name), &workspace.join(name))?;
        }
        write(&workspace.join("Cargo.toml"), &self.manifest(&read(&root.join("Cargo.toml"))?)?)?;
        write(&workspace.join("Cargo.lock"), &read(&root.join("Cargo.lock"))?)?;
        let source = workspace.join(self.package).join("src");
        for mutant in self.mutants {
            for edit in mutant.edits {
                self.apply(&source, mutant, edit)?;
            }
        }
        let main = read(&source.join("lib.rs"))?;
        write(&source.join("mutation.rs"), SWITCH)?;
        write(&source.join("lib.rs"), &format!("{main}\nmod mutation;\n"))
    }

    /// The manifest of the workspace with fewer members.
    fn manifest(&self, text: &str) -> Result<String> {
        let line = text.lines().find(|line| line.starts_with("members = "));
        let line = line.context("the root Cargo.toml has no line that begins with `members = `")?;
        let members: Vec<_> = self.crates.iter().map(|name| format!("{name:?}")).collect();
        let text = text.replace(line, &format!("members = [{}]", members.join(", ")));
        let others = text.lines().filter(|line| !line.starts_with("default-members = "));
        Ok(others.collect::<Vec<_>>().join("\n"))
    }

    fn apply(&self, source: &Path, mutant: &Mutant, edit: &Edit) -> Result<()> {
        let Edit(file, right, wrong) = edit;
        let path = source.join(file);
        let text = read(&path)?;
        let found = text.matches(right).count();
        if found != 1 {
            bail!(
                "the mistake {} no longer fits: {}/src/{file} has {found} places that read\n{right}\n\
                 Change the edit in xtask/src/conformance/self_test/{} along with the crate.",
                mutant.name,
                self.package,
                self.list
            );
        }
        let chosen = format!("crate::mutation::is({:?})", mutant.name);
        write(&path, &text.replacen(right, &wrong.replace("MUTANT", &chosen), 1))
    }
}

/// A cargo that builds the copy. Edits are not formatted, and a mistake may leave something unused.
pub(crate) fn cargo_in<const N: usize>(
    workspace: &Path,
    target: &Path,
    args: [&str; N],
) -> Command {
    let mut command = cargo(args);
    command.current_dir(workspace).env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", "-Awarnings");
    command
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    // What was there before may have gone since.
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("failed to clear {}", to.display()))?;
    }
    let entries =
        fs::read_dir(from).with_context(|| format!("failed to list {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::create_dir_all(to)?;
            fs::copy(entry.path(), &target)
                .with_context(|| format!("failed to copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
impl Broken {
    /// What keeps a change of the crate from leaving a mistake behind that nobody can make.
    pub(crate) fn check_that_every_mistake_fits(&self) {
        let root = crate::test::root();
        for mutant in self.mutants {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(mutant.name.chars().all(plain), "{} is no name of a file", mutant.name);
            for Edit(file, right, wrong) in mutant.edits {
                let text = read(&root.join(self.package).join("src").join(file)).unwrap();
                assert_eq!(text.matches(right).count(), 1, "{}: {file}: {right}", mutant.name);
                assert!(wrong.contains("MUTANT") || mutant.edits.len() > 1, "{}", mutant.name);
            }
        }
    }
}
