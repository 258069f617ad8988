//! `reports merge`

use std::fs;
use std::path::{Path, PathBuf};

use dsync_conformance::report::{Kill, Report, ReportError, Source};

/// The parts of a report, and where it goes.
#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) driver: String,
    pub(crate) into: PathBuf,
    pub(crate) date: Option<String>,
    /// The commit of the working tree after the run.
    pub(crate) commit: Option<String>,
    pub(crate) reproduce: Vec<String>,
    pub(crate) kills: Vec<PathBuf>,
    pub(crate) parts: Vec<PathBuf>,
}

/// Writes the report and prints a summary. Returns whether the run has succeeded.
pub(crate) fn run(request: &Request) -> Result<bool, String> {
    let report = merged(request)?;
    let text = |error: ReportError| error.to_string();
    let stem = request.into.join(&request.driver);
    let files = [
        (stem.with_extension("json"), report.to_json().map_err(text)?),
        (stem.with_extension("xml"), report.to_junit().map_err(text)?),
        (stem.with_extension("md"), report.to_markdown()),
    ];
    fs::create_dir_all(&request.into).map_err(|error| shown(&request.into, &error))?;
    for (file, content) in &files {
        fs::write(file, content).map_err(|error| shown(file, &error))?;
    }
    print!("{}", summary(&report));
    for (file, _) in &files {
        println!("  {}", file.display());
    }
    Ok(!report.conclusion.verdict.is_failure())
}

fn merged(request: &Request) -> Result<Report, String> {
    let mut parts = Vec::new();
    for file in &request.parts {
        let part = Report::from_json(&read(file)?).map_err(|error| shown(file, &error))?;
        parts.push(part.of_driver(&request.driver));
    }
    let mut report = Report::merge(parts).map_err(|error| error.to_string())?;
    if let Some(commit) = &request.commit {
        let now = Source::parse(commit).map_err(|error| format!("--commit: {error}"))?;
        report.source.add(&now).map_err(|_| changed(&report.source, &now))?;
    }
    for file in &request.kills {
        let kills: Vec<Kill> = serde_json::from_str(&read(file)?)
            .map_err(|error| shown(file, &format!("no list of kills: {error}")))?;
        for kill in kills {
            report.add_kill(kill);
        }
    }
    report.date = request.date.clone().or(report.date);
    if !request.reproduce.is_empty() {
        report.reproduce.clone_from(&request.reproduce);
    }
    Ok(report)
}

fn changed(tested: &Source, now: &Source) -> String {
    format!(
        "the code changed during the run: the parts are of commit {tested}, and the working tree \
         is at {now} now: run it again"
    )
}

/// A few lines for a terminal.
fn summary(report: &Report) -> String {
    let mut lines = vec![
        format!("{}: {}", report.title(), report.conclusion.verdict),
        format!("  rules: {}", report.counts()),
    ];
    let killed = report.kills.iter().filter(|kill| kill.is_killed()).count();
    if !report.kills.is_empty() {
        lines.push(format!("  broken on purpose: {killed} of {} found", report.kills.len()));
    }
    let reasons = report.conclusion.why.iter();
    lines.extend(reasons.map(|why| format!("  - {}", why.lines().next().unwrap_or_default())));
    lines.join("\n") + "\n"
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| shown(file, &error))
}

fn shown(file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}

#[cfg(test)]
mod tests {
    use dsync_conformance::Verdict;
    use dsync_conformance::report::{DriverInfo, Judgement, Tier};

    use super::*;

    /// A folder of its own that goes with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("dsync-reports-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, content: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn part(verdict: Verdict) -> String {
        let mut part = Report::new(DriverInfo::new("backend"));
        part.source = Source::parse(COMMIT).unwrap();
        part.judge(Tier::S1, "2.02", Judgement::new(verdict, 3));
        part.to_json().unwrap()
    }

    #[test]
    fn parts_become_three_files_and_a_verdict() {
        let folder = Folder::new("parts");
        let kill = r#"[{"name": "never-cancels", "broken": "core", "rule": "2.02",
            "caught_by": "2.02", "message": "m", "schedules": [3, 1, 2]}]"#;
        let mut request = Request {
            driver: "mock".to_owned(),
            into: folder.0.join("out"),
            date: Some("2026-11-23T14:02:00Z".to_owned()),
            commit: Some(COMMIT.to_owned()),
            reproduce: vec!["cargo xtask conformance".to_owned()],
            kills: vec![folder.file("kills.json", kill)],
            parts: vec![folder.file("a.json", &part(Verdict::Pass))],
        };
        assert_eq!(run(&request), Ok(true));
        let written = fs::read_to_string(request.into.join("mock.json")).unwrap();
        let report = Report::from_json(&written).unwrap();
        assert_eq!(report.driver.name, "mock");
        assert_eq!(report.source.to_string(), COMMIT);
        assert_eq!(report.kills[0].median, Some(2));
        assert_eq!(report.reproduce, ["cargo xtask conformance"]);
        for name in ["mock.xml", "mock.md"] {
            assert!(request.into.join(name).exists(), "{name}");
        }
        assert!(summary(&report).contains("1 of 1 found"));

        request.parts.push(folder.file("b.json", &part(Verdict::Fail("two leaders".to_owned()))));
        assert_eq!(run(&request), Ok(false));
    }

    #[test]
    fn a_run_is_of_one_commit_from_its_beginning_to_its_end() {
        let folder = Folder::new("commits");
        let request = |commit: &str| Request {
            driver: "mock".to_owned(),
            commit: Some(commit.to_owned()),
            parts: vec![folder.file("a.json", &part(Verdict::Pass))],
            ..Request::default()
        };
        // A file was edited during the run.
        let dirty = merged(&request(&format!("{COMMIT}-dirty"))).unwrap();
        assert_eq!(dirty.source.commit.as_deref(), Some(COMMIT));
        assert_eq!(dirty.source.clean, Some(false));

        let other = COMMIT.replace('0', "f");
        let error = merged(&request(&other)).unwrap_err();
        assert!(error.contains(COMMIT) && error.contains(&other), "{error}");
        let error = merged(&request("HEAD")).unwrap_err();
        assert!(error.contains("--commit: \"HEAD\" is no commit"), "{error}");
    }

    #[test]
    fn a_part_that_was_edited_is_refused() {
        let folder = Folder::new("edited");
        let edited = part(Verdict::Pass).replacen("\"cases\": 3", "\"cases\": 4", 1);
        let parts = vec![folder.file("edited.json", &edited)];
        let error = merged(&Request { parts, ..Request::default() }).unwrap_err();
        assert!(error.contains("edited.json: the report is not as its run wrote it"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = Folder::new("unreadable");
        let file = folder.file("odd.json", "{\"schema\": 99}");
        let request = Request { driver: "mock".to_owned(), ..Request::default() };
        let error = merged(&Request { parts: vec![file], ..request }).unwrap_err();
        assert!(error.contains("odd.json: ") && error.contains("99"), "{error}");
        let missing = Request { parts: vec![folder.0.join("none.json")], ..Request::default() };
        assert!(merged(&missing).unwrap_err().contains("none.json"));
        assert!(merged(&Request::default()).unwrap_err().contains("nothing was run"));
    }
}
