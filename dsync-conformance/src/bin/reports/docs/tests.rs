use std::io::Write as _;
use std::process::Command;

use dsync_conformance::report::{DriverInfo, Source};

use super::*;

const KUBE: &str = "kube-kube-apiserver.json";

/// The root of a repository that goes with the test.
struct Root(PathBuf);

impl Root {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dsync-docs-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join(REPORTS)).unwrap();
        fs::write(path.join("README.md"), format!("# a\n\n{BEGIN}\n{END}\n\nmore\n")).unwrap();
        Self(path)
    }

    fn publish(&self, name: &str, driver: &str) {
        self.publish_of(name, driver, Source::default());
    }

    fn publish_of(&self, name: &str, driver: &str, source: Source) {
        let report = Report { source, ..Report::new(DriverInfo::new(driver)) };
        fs::write(self.0.join(REPORTS).join(name), report.to_json().unwrap()).unwrap();
    }

    /// Changes a published report by hand.
    fn edit(&self, name: &str, edit: impl FnOnce(String) -> String) {
        let file = self.0.join(REPORTS).join(name);
        fs::write(&file, edit(fs::read_to_string(&file).unwrap())).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }

    /// What the table of drivers says about the code of the only report.
    fn code(&self) -> String {
        let readme = self.read("README.md");
        let row = readme.lines().find(|line| line.contains("](dsync-conformance/reports")).unwrap();
        row.split(" | ").nth(8).unwrap().to_owned()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let person = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.0).args(person).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file and commits everything. The hash of the commit.
    fn commit(&self, file: &str, content: &str) -> String {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", file]);
        self.git(&["rev-parse", "HEAD"])
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether there is a git to test with. A test without it says so, or fails where all is required.
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
fn what_was_written_is_up_to_date() {
    let root = Root::new("written");
    root.publish(KUBE, "kube");
    assert_eq!(run(&root.0, false), Ok(false));
    assert_eq!(run(&root.0, true), Ok(true));
    assert_eq!(run(&root.0, false), Ok(true));
    let readme = root.read("README.md");
    assert!(readme.starts_with("# a\n\n<!--") && readme.ends_with("-->\n\nmore\n"), "{readme}");
    assert!(readme.contains("(dsync-conformance/reports/kube-kube-apiserver.md)"), "{readme}");
    assert!(root.read("dsync-conformance/reports/kube-kube-apiserver.md").starts_with("# kube"));

    let file = root.0.join("dsync-conformance/GUARANTEES.md");
    fs::write(file, "edited").unwrap();
    assert_eq!(run(&root.0, false), Ok(false));
}

#[test]
fn what_is_wrong_with_published_reports_is_said() {
    let root = Root::new("wrong");
    root.publish("redis-7.json", "kube");
    let error = run(&root.0, false).unwrap_err();
    assert!(error.contains("call it kube-<server>.json"), "{error}");
    fs::remove_file(root.0.join(REPORTS).join("redis-7.json")).unwrap();

    fs::write(root.0.join(REPORTS).join("kube-old.md"), "").unwrap();
    let error = run(&root.0, false).unwrap_err();
    assert!(error.contains("kube-old.json is missing"), "{error}");
    fs::remove_file(root.0.join(REPORTS).join("kube-old.md")).unwrap();

    fs::write(root.0.join("README.md"), "no markers").unwrap();
    assert!(run(&root.0, false).unwrap_err().contains("are missing"));
}

#[test]
fn a_report_that_was_edited_is_refused_by_name() {
    let root = Root::new("edited");
    let refusal = |edit: fn(String) -> String| {
        root.publish(KUBE, "kube");
        assert!(run(&root.0, true).is_ok());
        root.edit(KUBE, edit);
        // Neither compared nor written.
        let error = run(&root.0, false).unwrap_err();
        assert_eq!(run(&root.0, true), Err(error.clone()));
        assert!(error.starts_with(&format!("{REPORTS}/{KUBE}: ")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    let error = refusal(|text| text.replacen("\"rules\": 1", "\"rules\": 2", 1));
    assert!(error.contains("it names the digest"), "{error}");
    let error = refusal(|text| text.replacen("\"kube\"", "\"kube \"", 1));
    assert!(error.contains("it names the digest"), "{error}");
    let error = refusal(|text| text.replacen("  \"schema\"", "   \"schema\"", 1));
    assert!(error.contains("formatted again"), "{error}");
}

#[test]
fn a_report_is_stale_once_the_code_that_it_tested_has_changed() {
    if !has_git() {
        return;
    }
    let root = Root::new("stale");
    root.git(&["init", "--quiet"]);
    let mut tested = root.commit("dsync-kube/src/lib.rs", "a driver");
    let publish = |tested: &str| {
        root.publish_of(KUBE, "kube", Source::parse(tested).unwrap());
        run(&root.0, true).unwrap();
        assert_eq!(root.code(), format!("`{}`", &tested[..12]));
    };
    let up_to_date = || {
        assert_eq!(run(&root.0, false), Ok(true));
        let commit = root.commit("notes.txt", &root.git(&["rev-parse", "HEAD"]));
        assert_eq!(run(&root.0, false), Ok(true), "a commit of something else changed the table");
        commit
    };
    publish(&tested);
    up_to_date();
    root.commit("dsync-redis/src/lib.rs", "another driver");
    up_to_date();

    for file in ["dsync/src/new.rs", "dsync-conformance/src/lib.rs", "dsync-kube/src/lib.rs"] {
        fs::create_dir_all(root.0.join(file).parent().unwrap()).unwrap();
        fs::write(root.0.join(file), "changed").unwrap();
        // Before it is committed, so that the table can be part of the commit.
        assert_eq!(run(&root.0, false), Ok(false), "{file}");
        run(&root.0, true).unwrap();
        assert_eq!(root.code(), format!("**stale**: `{}`", &tested[..12]), "{file}");
        tested = up_to_date();
        publish(&tested);
        up_to_date();
    }
}

#[test]
fn a_report_of_unknown_code_is_stale() {
    let root = Root::new("unknown-code");
    root.publish(KUBE, "kube");
    run(&root.0, true).unwrap();
    assert_eq!(root.code(), "**stale**: no commit recorded");

    let commit = "0123456789abcdef0123456789abcdef01234567";
    root.publish_of(KUBE, "kube", Source::parse(&format!("{commit}-dirty")).unwrap());
    run(&root.0, true).unwrap();
    assert_eq!(root.code(), "**stale**: `0123456789ab` with changes");

    if has_git() {
        root.git(&["init", "--quiet"]);
        root.commit("notes.txt", "");
        root.publish_of(KUBE, "kube", Source::parse(commit).unwrap());
        run(&root.0, true).unwrap();
        assert_eq!(root.code(), "**stale**: `0123456789ab`");
    }
}

#[test]
fn a_report_that_is_relabelled_as_one_without_a_digest_is_refused() {
    let root = Root::new("schema-1");
    root.publish(KUBE, "kube");
    root.edit(KUBE, |text| {
        let without = |line: &&str| !line.starts_with("  \"digest\"");
        let text: String = text.split_inclusive('\n').filter(without).collect();
        text.replacen("\"schema\": 2", "\"schema\": 1", 1)
    });
    let error = run(&root.0, true).unwrap_err();
    assert!(error.contains(KUBE) && error.contains("it has no digest"), "{error}");
}

#[test]
fn a_report_from_before_there_were_digests_is_shown_as_stale() {
    let root = Root::new("before-digests");
    root.publish(KUBE, "kube");
    let old = include_str!("../../../../reports/kube-kind.json");
    root.edit(KUBE, |_| old.to_owned());
    run(&root.0, true).unwrap();
    assert_eq!(root.code(), "**stale**: no commit recorded");
    let shown = root.read("dsync-conformance/reports/kube-kube-apiserver.md");
    assert!(shown.contains("| digest | none: later edits cannot be detected |"), "{shown}");
    root.edit(KUBE, |text| text.replacen("\"hand_overs\": ", "\"hand_overs\": 9", 1));
    let error = run(&root.0, true).unwrap_err();
    assert!(error.contains("it has no digest"), "{error}");
}

#[test]
fn without_a_history_the_table_is_taken_at_its_word() {
    let root = Root::new("no-history");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    // The folder is no repository, and no part of one.
    root.publish_of(KUBE, "kube", Source::parse(commit).unwrap());
    run(&root.0, true).unwrap();
    assert_eq!(root.code(), "unknown: `0123456789ab`");
    for word in ["", "**stale**: ", "unknown: "] {
        let readme = root.read("README.md");
        let cell = format!("| {word}`0123456789ab` |");
        let readme = readme.replace(&format!("| {} |", root.code()), &cell);
        fs::write(root.0.join("README.md"), readme).unwrap();
        assert_eq!(run(&root.0, false), Ok(true), "{word}");
    }
}

#[test]
fn a_shallow_clone_does_not_fail() {
    if !has_git() {
        return;
    }
    let root = Root::new("shallow");
    root.git(&["init", "--quiet"]);
    let tested = root.commit("dsync/src/lib.rs", "the core");
    root.publish_of(KUBE, "kube", Source::parse(&tested).unwrap());
    run(&root.0, true).unwrap();
    root.commit("notes.txt", "later");

    let clone = Root::new("shallow-clone");
    let (from, to) = (format!("file://{}", root.0.display()), clone.0.join("clone"));
    root.git(&["clone", "--quiet", "--depth", "1", &from, to.to_str().unwrap()]);
    assert_eq!(run(&to, false), Ok(true));
}
