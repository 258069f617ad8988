//! The results of testing a driver, to keep, compare and publish.
//!
//! A run writes a part: one tier of one driver on one server. [`Report::merge`] makes one report of
//! several parts. `REPORTS.md` beside this crate's manifest documents every field.

mod conclusion;
mod drivers;
mod json;
mod junit;
mod kill;
mod markdown;
mod merge;
mod rule_report;
mod run;
mod seal;
mod source;
mod subject;
pub mod timeline;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::conclusion::{Conclusion, Outcome};
pub use self::drivers::{Age, Published, drivers};
pub use self::kill::{Broken, Kill};
pub use self::rule_report::{Judgement, RuleReport};
pub use self::run::{Environment, Run, Worst};
pub use self::seal::digest;
pub use self::source::{COMMIT_VARIABLE, Source};
pub use self::subject::{DriverInfo, Equipment, Form, Observed, Promises, ServerInfo};
use crate::Verdict;

/// The version of the JSON: it grows when a field changes its meaning or goes, and with a new field
/// that is always written.
pub const SCHEMA: u32 = 2;

/// How something was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// The core on the store in memory, in virtual time.
    S1,
    /// The core on the real driver with its real client, in virtual time, over a transport in
    /// memory to a model of the server.
    S2,
    /// Real servers, in real time.
    R,
    /// Drivers and cores that are broken on purpose, to see that the suite finds it.
    #[serde(rename = "self-test")]
    SelfTest,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::R => "R",
            Self::SelfTest => "self-test",
        })
    }
}

/// The results of testing one driver on one server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`], or an earlier one if it was read from such a file.
    pub schema: u32,
    /// The suite that made it.
    pub suite: SuiteInfo,
    /// The code that was tested. Reports of schema 1 do not have it.
    #[serde(default)]
    pub source: Source,
    /// When it was run, in UTC: `2026-11-23T14:02:00Z`. The caller gives it, as the suite may run on
    /// a virtual clock.
    pub date: Option<String>,
    /// The commands that make such a report again.
    pub reproduce: Vec<String>,
    /// The driver under test.
    pub driver: DriverInfo,
    /// The server it was tested on, if the harness names it.
    pub server: Option<ServerInfo>,
    /// The abilities of the harness.
    pub harness: Equipment,
    /// The verdict on the whole. Computed again whenever a report is written or merged.
    pub conclusion: Conclusion,
    /// The figures of each tier.
    pub tiers: BTreeMap<Tier, Run>,
    /// The results of all rules, in the order of ids.
    pub rules: Vec<RuleReport>,
    /// The results for everything that is broken on purpose.
    pub kills: Vec<Kill>,
}

/// The suite that made a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteInfo {
    /// The version of this crate.
    pub version: String,
    /// The version of the [rules](crate::rules::VERSION).
    pub rules: u32,
}

impl Report {
    /// Creates a report of this suite in which nothing was tested yet.
    #[must_use]
    pub fn new(driver: DriverInfo) -> Self {
        let mut report = Self {
            schema: SCHEMA,
            suite: SuiteInfo {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                rules: crate::rules::VERSION,
            },
            source: Source::default(),
            date: None,
            reproduce: Vec::new(),
            driver,
            server: None,
            harness: Equipment::default(),
            conclusion: Conclusion::default(),
            tiers: BTreeMap::new(),
            rules: Vec::new(),
            kills: Vec::new(),
        };
        report.settle();
        report
    }

    /// Adds the figures of a run in a tier.
    pub fn add_run(&mut self, tier: Tier, run: &Run) {
        self.tiers.entry(tier).or_default().add(run);
        self.settle();
    }

    /// Adds a result of the rule with this id in a tier. Earlier results of this tier and of others
    /// stay: the worst verdict counts.
    pub fn judge(&mut self, tier: Tier, id: &str, judgement: Judgement) {
        let known = self.rules.iter().position(|rule| rule.id == id);
        let index = known.unwrap_or_else(|| {
            self.rules.push(RuleReport::new(id));
            self.rules.len() - 1
        });
        self.rules[index].add(tier, judgement);
        self.settle();
    }

    /// Adds the result for something that is broken on purpose.
    pub fn add_kill(&mut self, kill: Kill) {
        self.kills.push(kill);
        self.settle();
    }

    /// Returns the result of the rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&RuleReport> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Returns a title such as `mock` or `kube on kube-apiserver v1.37.2`.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.server {
            Some(server) => format!("{} on {server}", self.driver.name),
            None => self.driver.name.clone(),
        }
    }

    /// Returns how many rules have the verdict of this word.
    #[must_use]
    pub fn count(&self, word: &str) -> usize {
        self.rules.iter().filter(|rule| rule.overall.word() == word).count()
    }

    /// Returns how many rules have each verdict: `45 pass, 1 inconclusive, 1 untested`.
    #[must_use]
    pub fn counts(&self) -> String {
        let words = ["pass", "partial", "fail", "invalid", "inconclusive", "skip", "untested"];
        let counts = words.map(|word| (self.count(word), word));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }

    /// Computes what follows from the rest: all rules in order, the verdict of each over all tiers,
    /// and the conclusion over all rules.
    fn settle(&mut self) {
        for rule in crate::rules::RULES {
            if self.rule(rule.id).is_none() {
                self.rules.push(RuleReport::new(rule.id));
            }
        }
        self.rules.sort_by(|a, b| a.id.cmp(&b.id));
        self.rules.iter_mut().for_each(RuleReport::settle);
        self.kills.sort_by(|a, b| (a.broken, &a.name).cmp(&(b.broken, &b.name)));
        self.kills.iter_mut().for_each(Kill::settle);
        self.conclusion = Conclusion::of(self);
    }
}

/// The reason of a verdict, if it has one.
fn why(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Fail(why)
        | Verdict::Skip(why)
        | Verdict::Partial(why)
        | Verdict::Invalid(why)
        | Verdict::Inconclusive(why)
        | Verdict::Untested(why) => Some(why),
    }
}

/// An error in reading, merging or writing a report. The text says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportError(String);

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReportError {}

#[cfg(test)]
mod tests;
