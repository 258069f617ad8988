//! The results of a run, as a part of a report.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Suite;
use crate::Verdict;
use crate::report::{DriverInfo, Environment, Judgement, Report, Run, ServerInfo, Source, Tier};

/// The result of one rule.
#[derive(Clone, Debug)]
pub(super) struct RuleResult {
    pub(super) id: &'static str,
    pub(super) verdict: Verdict,
    /// How many cases were tried: races, calls that were cut short, schedules.
    pub(super) cases: u64,
    /// What else the author of the driver may want to know, one thing per line.
    pub(super) detail: Vec<String>,
    /// How long it took, in real time.
    pub(super) took: Duration,
}

/// Writes the report of a run to a file in `directory` and returns its path.
pub(super) fn write(directory: &Path, suite: &Suite, rules: &[RuleResult]) -> io::Result<PathBuf> {
    let mut report = report(suite, rules);
    report.source = Source::from_environment().map_err(io::Error::other)?;
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("{}.json", suite.name));
    fs::write(&path, report.to_json().map_err(io::Error::other)?)?;
    for (rule, drawn) in suite.findings.get().into_iter().flat_map(|findings| &findings.timelines) {
        fs::write(directory.join(format!("{}-{rule}.html", suite.name)), drawn)?;
    }
    Ok(path)
}

fn report(suite: &Suite, rules: &[RuleResult]) -> Report {
    let tier = if suite.setup.in_memory { Tier::S1 } else { Tier::R };
    let mut driver = DriverInfo::new(&suite.name);
    let subject = suite.subject.get();
    if let Some(subject) = subject {
        driver = driver.with_form("", &subject.capabilities);
    }
    let mut report = Report::new(driver);
    if let Some(subject) = subject {
        report.server = subject.server.as_deref().map(ServerInfo::parse);
        report.harness = subject.equipment;
    }
    let took = rules.iter().map(|rule| rule.took).max().unwrap_or_default();
    let mut run = match suite.findings.get() {
        Some(findings) => Run::here(findings.took).with_tally(&findings.tally),
        None => Run::here(took),
    };
    if let Some(findings) = suite.findings.get() {
        run.seeds = vec![findings.seed];
        if !suite.setup.in_memory {
            // That was the time of the machine.
            run.virtual_ms = 0;
            run.longest_stall_ms = Some(findings.stalled.as_secs_f64() * 1e3);
        }
    }
    run.environments = vec![Environment::here()];
    report.add_run(tier, &run);
    for rule in rules {
        let notes = rule.detail.iter().cloned();
        let judgement = Judgement::new(rule.verdict.clone(), rule.cases).with_notes(notes);
        report.judge(tier, rule.id, judgement);
    }
    report
}
