//! Reports as `JUnit`, for CI services.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::{Judgement, Kill, Report, ReportError, Tier, why};
use crate::{Verdict, rules};

impl Report {
    /// The report as `JUnit`: a test suite for each tier with a case for each rule that it looked
    /// at, and one for what is broken on purpose.
    ///
    /// # Errors
    ///
    /// If it cannot be written as XML.
    pub fn to_junit(&self) -> Result<String, ReportError> {
        let mut junit = quick_junit::Report::new(self.title());
        for (tier, run) in &self.tiers {
            let mut suite = TestSuite::new(format!("{}.{tier}", self.driver.name));
            suite.set_time(Duration::from_millis(run.wall_ms));
            let seeds: Vec<String> = run.seeds.iter().map(ToString::to_string).collect();
            let properties = [
                ("suite", self.suite.version.clone()),
                ("rules", self.suite.rules.to_string()),
                ("seeds", seeds.join(" ")),
                ("schedules", run.schedules.to_string()),
                ("operations", run.operations.to_string()),
                ("faults", run.all_faults().to_string()),
                ("hand_overs", run.hand_overs.to_string()),
            ];
            suite.add_properties(properties.map(|(name, value)| Property::new(name, value)));
            suite.add_test_cases(self.cases(*tier));
            if !run.gaps.is_empty() {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_message(format!("the run was too weak: {}", run.gaps.join("; ")));
                suite.add_test_case(TestCase::new("the run was strong enough", status));
            }
            junit.add_test_suite(suite);
        }
        if !self.kills.is_empty() {
            let mut suite = TestSuite::new(format!("{}.broken-on-purpose", self.driver.name));
            suite.add_test_cases(self.kills.iter().map(killed));
            junit.add_test_suite(suite);
        }
        junit
            .to_string()
            .map_err(|error| ReportError(format!("the report cannot be JUnit: {error}")))
    }

    fn cases(&self, tier: Tier) -> impl Iterator<Item = TestCase> + '_ {
        self.rules.iter().filter_map(move |report| {
            let judgement = report.tiers.get(&tier)?;
            let rule = rules::rule(&report.id);
            let name = rule.map_or_else(|| report.id.clone(), rules::Rule::test_name);
            let mut case = TestCase::new(name, status(judgement));
            // Only a case that did not pass can have a message.
            let partial = match &judgement.verdict {
                Verdict::Partial(why) => Some(format!("partial: {why}")),
                _ => None,
            };
            let lines: Vec<String> = partial.into_iter().chain(judgement.notes.clone()).collect();
            if !lines.is_empty() {
                case.set_system_out(lines.join("\n"));
            }
            Some(case)
        })
    }
}

fn status(judgement: &Judgement) -> TestCaseStatus {
    let mut status = match judgement.verdict {
        Verdict::Pass | Verdict::Partial(_) => TestCaseStatus::success(),
        Verdict::Fail(_) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Invalid(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skip(_) | Verdict::Inconclusive(_) | Verdict::Untested(_) => {
            TestCaseStatus::skipped()
        }
    };
    if let Some(why) = why(&judgement.verdict)
        && !matches!(status, TestCaseStatus::Success { .. })
    {
        status.set_message(format!("{}: {why}", judgement.verdict.word()));
    }
    status
}

fn killed(kill: &Kill) -> TestCase {
    let name = format!("{}::{}", kill.rule.replace('.', "_"), kill.name);
    let mut status = TestCaseStatus::success();
    if !kill.is_killed() {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(kill.survival());
    }
    TestCase::new(name, status)
}
