//! The commit of the code under test, for reports.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::program::run_checked;

/// The variable that passes the commit to the suite and the simulation.
pub(super) const VARIABLE: &str = "DSYNC_CONFORMANCE_COMMIT";

/// Git reads only its index, so a longer wait means that the disk hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Returns the full hash of the commit checked out at `root`, followed by `-dirty` if a file
/// differs from it or is new. Ignored files and published reports do not count: a run does not read
/// them, and the reports of several drivers may be committed together.
///
/// # Errors
///
/// Returns an error if git is not installed or `root` is not in a repository.
pub(super) fn current(root: &Path) -> Result<String> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        run_checked(command.arg("-C").arg(root).args(arguments), LIMIT)
    };
    let head = git(&["rev-parse", "HEAD"])?.stdout;
    let reports = ":(exclude)dsync-conformance/reports";
    let changes =
        git(&["status", "--porcelain", "--untracked-files=all", "--", ".", reports])?.stdout;
    let dirty = if changes.trim().is_empty() { "" } else { "-dirty" };
    Ok(format!("{}{dirty}", head.trim()))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::scratch::Folder;

    /// Returns whether git is installed. If it is not, prints that the test was not run, or panics
    /// if `DSYNC_REQUIRE` is `all`.
    fn has_git() -> bool {
        let found = Command::new("git").arg("--version").output();
        let required = std::env::var("DSYNC_REQUIRE").is_ok_and(|what| what == "all");
        assert!(found.is_ok() || !required, "git is not on PATH: install it");
        if found.is_err() {
            // Not by `println!`, whose output a test that passes does not show.
            let _ = std::io::stdout().write_all(b"NOT RUN: git is not on PATH: install it\n");
        }
        found.is_ok()
    }

    #[test]
    fn a_commit_is_dirty_if_a_file_of_the_code_differs() {
        if !has_git() {
            return;
        }
        let folder = Folder::new("commit");
        let git = |arguments: &[&str]| {
            let person = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
            let mut command = Command::new("git");
            run_checked(command.arg("-C").arg(&folder.path).args(person).args(arguments), LIMIT)
                .unwrap()
        };
        let write = |file: &str, text: &str| {
            let file = folder.path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let error = current(&folder.path).unwrap_err().to_string();
        assert!(error.contains("not a git repository"), "{error}");

        git(&["init", "--quiet"]);
        write(".gitignore", "/target\n");
        write("dsync/src/lib.rs", "");
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "a"]);
        let head = git(&["rev-parse", "HEAD"]).stdout.trim().to_owned();
        assert_eq!(head.len(), 40);
        assert_eq!(current(&folder.path).unwrap(), head);
        // Neither is read by a run.
        write("target/debug/dsync", "");
        write("dsync-conformance/reports/kube.json", "{}");
        assert_eq!(current(&folder.path).unwrap(), head);

        write("dsync/src/new.rs", "");
        assert_eq!(current(&folder.path).unwrap(), format!("{head}-dirty"));
        std::fs::remove_file(folder.path.join("dsync/src/new.rs")).unwrap();
        write("dsync/src/lib.rs", "changed");
        assert_eq!(current(&folder.path).unwrap(), format!("{head}-dirty"));
    }
}
