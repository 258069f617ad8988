//! Whether the code that a published report tested is the code that there is now.

use std::path::Path;
use std::process::{Command, Output};

use dsync_conformance::Report;
use dsync_conformance::report::Age;

/// Compares the core, the driver and the suite of a report with those in the working tree at
/// `root`. `Err` says why there is no history to
/// compare with.
///
/// Contents are compared rather than dates or the log. So the answer is the same before a change is
/// committed, in the commit that makes it and in each later one, and a commit can update the table
/// of drivers along with the code.
pub(crate) fn of(report: &Report, root: &Path) -> Result<Age, String> {
    let (Some(commit), Some(true)) = (&report.source.commit, report.source.clean) else {
        return Ok(Age::Stale);
    };
    let shallow = git(root, &["rev-parse", "--is-shallow-repository"])?;
    if !shallow.status.success() {
        return Err(said(&shallow));
    }
    if !git(root, &["merge-base", "--is-ancestor", commit, "HEAD"])?.status.success() {
        // The commit is not in the history, or only not in this part of it.
        return match said(&shallow).as_str() {
            "true" => Err("the clone is shallow: `git fetch --unshallow`".to_owned()),
            _ => Ok(Age::Stale),
        };
    }
    let folders = ["dsync", &format!("dsync-{}", report.driver.name), "dsync-conformance"];
    let folders = folders.map(|folder| format!("{folder}/src"));
    let [core, driver, suite] = folders.each_ref().map(String::as_str);
    if !root.join(driver).is_dir() {
        return Err(format!("the code of the driver is not in {driver}"));
    }
    let changed = git(root, &["diff", "--name-only", commit, "--", core, driver, suite])?;
    let new = ["ls-files", "--others", "--exclude-standard", "--", core, driver, suite];
    let new = git(root, &new)?;
    for output in [&changed, &new] {
        if !output.status.success() {
            return Err(said(output));
        }
    }
    let is_same = said(&changed).is_empty() && said(&new).is_empty();
    Ok(if is_same { Age::Current } else { Age::Stale })
}

fn git(root: &Path, arguments: &[&str]) -> Result<Output, String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output();
    output.map_err(|error| format!("git cannot be run: {error}"))
}

/// What git printed, or what it complained about.
fn said(output: &Output) -> String {
    let bytes = if output.status.success() { &output.stdout } else { &output.stderr };
    String::from_utf8_lossy(bytes).trim().to_owned()
}
