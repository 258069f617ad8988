use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Report, RuleReport, why};
use crate::Verdict;
use crate::rules::Kind;

/// The verdict on a driver, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A rule is violated.
    Fail,
    /// The run was too weak to mean anything, or the suite missed what is broken on purpose.
    Invalid,
    /// The machine stalled for too long to judge some rules.
    Inconclusive,
    /// What was tested holds, but not everything was.
    #[default]
    Partial,
    /// Every rule that can be tested was, and holds.
    Pass,
}

impl Outcome {
    /// Returns the verdict as one word, as in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Invalid => "invalid",
            Self::Inconclusive => "inconclusive",
            Self::Partial => "partial",
            Self::Pass => "pass",
        }
    }

    /// Returns whether a run with this verdict has failed.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Fail | Self::Invalid)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The verdict on a driver, and what keeps it from being better.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The verdict: the worst of all reasons.
    pub verdict: Outcome,
    /// Each thing that keeps it from being `pass`, the worst first.
    pub why: Vec<String>,
}

impl Conclusion {
    pub(super) fn of(report: &Report) -> Self {
        let mut reasons: Vec<(Outcome, String)> = Vec::new();
        for (tier, run) in &report.tiers {
            let gaps = run.gaps.iter().map(|gap| (Outcome::Invalid, format!("{tier}: {gap}")));
            reasons.extend(gaps);
        }
        let survivors = report.kills.iter().filter(|kill| !kill.is_killed());
        reasons.extend(survivors.map(|kill| (Outcome::Invalid, kill.survival())));
        reasons.extend(report.rules.iter().filter_map(of_rule));
        reasons.extend(untested(report));
        reasons.extend(equipment(report));
        reasons.extend(report.driver.lacks().map(|lack| (Outcome::Partial, lack)));
        reasons.sort_by_key(|(outcome, _)| *outcome);
        Self {
            verdict: reasons.first().map_or(Outcome::Pass, |(outcome, _)| *outcome),
            why: reasons.into_iter().map(|(_, reason)| reason).collect(),
        }
    }
}

fn of_rule(rule: &RuleReport) -> Option<(Outcome, String)> {
    let outcome = match rule.overall {
        Verdict::Fail(_) => Outcome::Fail,
        Verdict::Invalid(_) => Outcome::Invalid,
        Verdict::Inconclusive(_) => Outcome::Inconclusive,
        Verdict::Partial(_) => Outcome::Partial,
        Verdict::Skip(_) if rule.kind == Kind::Required => Outcome::Partial,
        Verdict::Skip(_) | Verdict::Pass | Verdict::Untested(_) => return None,
    };
    let word = rule.overall.word();
    Some((outcome, format!("{} {word}: {}", rule.id, why(&rule.overall).unwrap_or_default())))
}

/// The rules that no part of the run has judged, in one sentence.
fn untested(report: &Report) -> Option<(Outcome, String)> {
    let judged = |rule: &RuleReport| !rule.tiers.is_empty() || rule.kind == Kind::Untestable;
    let missing: Vec<&str> =
        report.rules.iter().filter(|rule| !judged(rule)).map(|rule| rule.id.as_str()).collect();
    let sentence = format!("not part of this run: {}", missing.join(", "));
    (!missing.is_empty()).then_some((Outcome::Partial, sentence))
}

fn equipment(report: &Report) -> Vec<(Outcome, String)> {
    let mut lacks = Vec::new();
    let mut lack = |has: bool, what: &str| {
        if !has {
            lacks.push((Outcome::Partial, format!("the harness has no {what}")));
        }
    };
    lack(report.harness.operator, "operator, who edits records");
    lack(report.harness.server_control, "server control, which stops the server");
    lacks
}
