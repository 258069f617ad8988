//! One copy of the workspace with every mistake in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::mutants::{Edit, MUTANTS, Mutant};
use crate::test::cargo;

/// The crates that the simulation needs.
const CRATES: [&str; 3] = ["dsync", "dsync-mock", "dsync-conformance"];

/// What every broken core gets as well: the choice.
const SWITCH: &str = r#"
/// Whether this mistake was chosen.
pub(crate) fn is(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("DSYNC_MUTANT").ok()).as_deref() == Some(name)
}
"#;

/// Builds the simulation on a core with all mistakes, none of which is chosen. Where it is.
pub(crate) fn build(root: &Path, folder: &Path) -> Result<PathBuf> {
    let workspace = folder.join("workspace");
    for name in CRATES {
        copy(&root.join(name), &workspace.join(name))?;
    }
    write(&workspace.join("Cargo.toml"), &manifest(&read(&root.join("Cargo.toml"))?)?)?;
    write(&workspace.join("Cargo.lock"), &read(&root.join("Cargo.lock"))?)?;
    let core = workspace.join("dsync/src");
    for mutant in MUTANTS {
        for edit in mutant.edits {
            apply(&core, mutant, edit)?;
        }
    }
    let main = read(&core.join("lib.rs"))?;
    write(&core.join("mutation.rs"), SWITCH)?;
    write(&core.join("lib.rs"), &format!("{main}\nmod mutation;\n"))?;

    let target = folder.join("target");
    let mut command = cargo(["build", "--release", "-p", "dsync-conformance", "--bin", "simulate"]);
    // Edits are not formatted, and a mistake may leave something unused.
    command.current_dir(&workspace).env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", "-Awarnings");
    if !command.status().context("failed to run cargo")?.success() {
        bail!("the broken cores do not build; the edits of their list no longer fit the core");
    }
    Ok(target.join("release").join(format!("simulate{}", std::env::consts::EXE_SUFFIX)))
}

/// The manifest of the workspace with fewer members.
fn manifest(text: &str) -> Result<String> {
    let line = text.lines().find(|line| line.starts_with("members = "));
    let line = line.context("the root Cargo.toml has no line that begins with `members = `")?;
    let members = CRATES.map(|name| format!("{name:?}")).join(", ");
    Ok(text.replace(line, &format!("members = [{members}]")))
}

fn apply(core: &Path, mutant: &Mutant, Edit(file, right, wrong): &Edit) -> Result<()> {
    let path = core.join(file);
    let text = read(&path)?;
    let found = text.matches(right).count();
    if found != 1 {
        bail!(
            "the mistake {} no longer fits: dsync/src/{file} has {found} places that read\n{right}\n\
             Change the edit in xtask/src/conformance/self_test/broken_cores/mutants.rs along with the core.",
            mutant.name
        );
    }
    let chosen = format!("crate::mutation::is({:?})", mutant.name);
    write(&path, &text.replacen(right, &wrong.replace("MUTANT", &chosen), 1))
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
mod tests {
    use super::*;

    /// What keeps a change of the core from leaving a mistake behind that nobody can make.
    #[test]
    fn every_mistake_fits_the_core() {
        let root = crate::test::root();
        for mutant in MUTANTS {
            for Edit(file, right, wrong) in mutant.edits {
                let text = read(&root.join("dsync/src").join(file)).unwrap();
                assert_eq!(text.matches(right).count(), 1, "{}: {file}: {right}", mutant.name);
                assert!(wrong.contains("MUTANT") || mutant.edits.len() > 1, "{}", mutant.name);
            }
        }
    }

    #[test]
    fn names_are_names_of_files() {
        for mutant in MUTANTS {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(mutant.name.chars().all(plain), "{}", mutant.name);
        }
    }
}
