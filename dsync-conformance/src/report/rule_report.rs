use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Tier, why};
use crate::Verdict;
use crate::rules::{self, Kind};

/// The result of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// Its id.
    pub id: String,
    /// How it binds.
    pub kind: Kind,
    /// The worst verdict of all tiers. A skip counts only if all of them skipped the rule.
    pub overall: Verdict,
    /// The result in each tier. A tier that did not test the rule is missing.
    pub tiers: BTreeMap<Tier, Judgement>,
}

/// The result of a rule in one tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict of this tier.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How many cases were tried: schedules, races, calls that were cut short, …
    pub cases: u64,
    /// Notes for people: measured times, hints to the driver's author.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Judgement {
    /// A verdict after so many cases.
    #[must_use]
    pub fn new(verdict: Verdict, cases: u64) -> Self {
        Self { verdict, cases, notes: Vec::new() }
    }

    /// Adds notes for people.
    #[must_use]
    pub fn with_notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

impl RuleReport {
    /// A rule that no tier has tested yet.
    pub(super) fn new(id: &str) -> Self {
        let kind = rules::rule(id).map_or(Kind::Required, |rule| rule.kind);
        let overall = Verdict::Untested(String::new());
        let mut report = Self { id: id.to_owned(), kind, overall, tiers: BTreeMap::new() };
        report.settle();
        report
    }

    /// Returns how many cases all tiers have tried.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.tiers.values().map(|judgement| judgement.cases).sum()
    }

    pub(super) fn add(&mut self, tier: Tier, judgement: Judgement) {
        let Some(known) = self.tiers.get_mut(&tier) else {
            self.tiers.insert(tier, judgement);
            return;
        };
        known.cases += judgement.cases;
        known.verdict = worse(known.verdict.clone(), judgement.verdict);
        for note in judgement.notes {
            if !known.notes.contains(&note) {
                known.notes.push(note);
            }
        }
    }

    pub(super) fn settle(&mut self) {
        let of_tier = |(tier, judgement): (&Tier, &Judgement)| {
            let text = why(&judgement.verdict).map(|why| format!("{tier}: {why}"));
            with_text(&judgement.verdict, text)
        };
        let all = self.tiers.iter().map(of_tier).reduce(worse);
        self.overall = all.unwrap_or_else(|| {
            let rule = rules::rule(&self.id);
            let reason = rule.and_then(|rule| rule.untestable);
            Verdict::Untested(reason.unwrap_or("no part of this run tested it").to_owned())
        });
    }
}

/// The worse of two verdicts; with both texts where both are equally bad.
fn worse(a: Verdict, b: Verdict) -> Verdict {
    match severity(&a).cmp(&severity(&b)) {
        std::cmp::Ordering::Greater => a,
        std::cmp::Ordering::Less => b,
        std::cmp::Ordering::Equal => match (why(&a), why(&b)) {
            (Some(first), Some(second)) if !first.split("; ").any(|part| part == second) => {
                with_text(&a, Some(format!("{first}; {second}")))
            }
            _ => a,
        },
    }
}

/// A verdict of a test weighs more than a verdict without one.
fn severity(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Fail(_) => 6,
        Verdict::Invalid(_) => 5,
        Verdict::Inconclusive(_) => 4,
        Verdict::Partial(_) => 3,
        Verdict::Pass => 2,
        Verdict::Skip(_) => 1,
        Verdict::Untested(_) => 0,
    }
}

fn with_text(verdict: &Verdict, text: Option<String>) -> Verdict {
    let text = text.unwrap_or_default();
    match verdict {
        Verdict::Pass => Verdict::Pass,
        Verdict::Fail(_) => Verdict::Fail(text),
        Verdict::Skip(_) => Verdict::Skip(text),
        Verdict::Partial(_) => Verdict::Partial(text),
        Verdict::Invalid(_) => Verdict::Invalid(text),
        Verdict::Inconclusive(_) => Verdict::Inconclusive(text),
        Verdict::Untested(_) => Verdict::Untested(text),
    }
}
